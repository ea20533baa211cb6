import Fleet
import Planning
import Ports

extension SystemdProcesses {
    /// Ends whatever still runs of the process's unit and, for an instance, takes its unit file away. The
    /// drop-ins that an admin made for it stay.
    package func retire(_ id: String) async {
        let unit = UnitName(id: id)
        // What could not be taken away now is found by `sweep`.
        try? await calls.persisting("retire \(id)", unit) {
            let facts = try await calls.look(unit, .unit)
            if !["inactive", "failed", ""].contains(facts.activeState) { _ = try await calls.job("StopUnit", unit) }
            try await takeAway(unit)
        }
    }

    /// Retires instances that have a unit file but are not among these: a supervisor was killed between the end
    /// of an instance and the removal of its file.
    package func sweep(except ids: Set<String>) async {
        for instance in (try? units.instances()) ?? [] where !ids.contains(instance) { await retire(instance) }
    }

    /// Paths of the drop-ins that systemd has read for the unit, an admin's as a rule.
    package func dropIns(of id: String) async -> [String] {
        let unit = UnitName(id: id)
        return (try? await calls.persisting("look at \(id)", unit) { try await calls.look(unit, .unit).dropIns }) ?? []
    }

    private func takeAway(_ unit: UnitName) async throws {
        guard try units.remove(unit) else { return }
        try await calls.resetFailed(unit)
        // systemd lets go of an inactive unit by itself; one that it holds on to still stands for the file.
        if try await calls.isLoaded(unit) { try await reload.run() }
        roster.forget(unit)
    }
}
