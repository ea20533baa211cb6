import Fleet
import Planning
import Ports

// What each step does.
extension RolloutRunner {
    func preflight() async throws {
        ports.progress.step("checking the bytes of \(plan.release.name) \(plan.release.version)")
        // What is shipped to hosts is read here; there it is read when it has arrived. Alone, its supervisor looks.
        if ports.hosts != nil { try await ports.releases.verify(plan.release.digest) }
        if let why = await seams.preflight(plan, try await status()) { throw Stop(why: why) }
        try await ports.hosts?.bring(plan.release.digest)
    }

    func stage() async throws {
        if plan.instances.contains(where: { $0.proof != nil }) {
            ports.progress.step("giving \(plan.instances.count) instances a read-only database user each")
        }
        try await credentials.create(for: plan)
    }

    func start() async throws {
        ports.progress.step(
            "starting generation \(plan.number): \(plan.instances.count) x "
                + "\(plan.release.name) \(plan.release.version) (\(plan.release.digest.short))")
        try await asking { try await $0.begin(plan) }
    }

    mutating func compare() async throws -> [RolloutMachine.Action]? {
        let report = try await status()
        let actions = machine.handle(.observed(own(report), at: ports.time.now()))
        if !actions.isEmpty { return actions }
        if let why = await seams.compare(current, plan, report) { throw Stop(why: why) }
        return nil
    }

    mutating func drain() async throws {
        guard let old else { return }
        // The journal says so by now: whatever happens, it is for good.
        try await asking { try await $0.finish(plan.number) }
        ports.progress.step("draining generation \(old.number), at most \(plan.rollout.drain.spelled)")
        let report = try await asking { try await $0.retire(old.number, only: nil, drain: plan.rollout.drain) }
        if !report.words.isEmpty { ports.progress.step("generation \(old.number) is gone: \(report.words)") }
        try await account(for: report)
    }

    /// Written at once: whoever takes a cut rollout up can't ask for it again.
    mutating func account(for report: DrainReport) async throws {
        guard !report.words.isEmpty else { return }
        account = report.words
        rollout.drained = (rollout.drained ?? DrainReport()) + report
        try await save()
    }

    func stopOld() async throws {
        guard let old else { return }
        // It is gone by now, unless this rollout was cut in between; of one that is gone nothing is asked.
        try await asking { try await $0.retire(old.number, drain: 0) }
        try await credentials.remove(of: old)
    }

    mutating func finalize() async throws {
        if rollout.verb != "up" { try await seams.nameRelease(plan.origin.spec.server.release) }
        record.previous = old ?? record.previous
        record.current = plan
        record.next = nil
        try await save()
    }

    mutating func takeAway() async throws {
        ports.progress.step("taking generation \(plan.number) away: \(machine.reason)")
        let drain = rollout.flipped || machine.shares ? old?.rollout.drain ?? 0 : 0
        account = try await asking { try await $0.retire(plan.number, only: nil, drain: drain) }.words
        try await credentials.remove(of: plan)
    }

    /// A supervisor that was started again just now refuses until it has seen each instance fit itself.
    func flip() async throws {
        try await asking(onceFit: Set(plan.instances.map(\.name))) { try await $0.flip(to: plan.number) }
    }

    func asking(onceFit names: Set<String>, _ call: (any FleetControl) async throws -> Void) async throws {
        do {
            try await asking(call)
        } catch let failure as Failure where failure.code != .leaseHeld {
            guard try await becomeFit(names) else { throw failure }
            try await asking(call)
        }
    }

    func becomeFit(_ names: Set<String>) async throws -> Bool {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        while ports.time.now().value < deadline {
            let report = try await status()
            // A host that is away will not make them fit.
            if report.status.hosts.contains(where: { !$0.answers }) { return false }
            let fit = report.status.instances.count { $0.ready && names.contains($0.name) }
            if fit == names.count { return true }
            try await ports.time.sleep(0.1)
        }
        return false
    }

    @discardableResult
    func asking<Answer: Sendable>(
        _ call: (any FleetControl) async throws -> Answer
    ) async throws -> Answer {
        try await ports.asking(call)
    }

    func status() async throws -> StatusReport {
        try await asking { try await $0.status(newerThan: nil, timeout: 0) }
    }

    func own(_ report: StatusReport) -> [InstanceStatus] {
        report.status.instances.filter { $0.generation == plan.number }
    }

    /// Feeds the machine with what the supervisor sees until it decides something.
    mutating func observe() async throws -> [RolloutMachine.Action] {
        let ports = ports
        return try await ports.watch { see($0) }
    }

    private mutating func see(_ sighting: Sighting) -> [RolloutMachine.Action] {
        switch sighting {
        case .begun, .silence: return machine.handle(.observed(nil, at: ports.time.now()))
        case .interrupt: return machine.handle(.turnBack("interrupted"))
        case .unreadable(let why): return machine.handle(.unreadable(why))
        case .report(let report):
            let own = own(report)
            let awaited = machine.audience
            let ready = own.count { $0.ready && awaited.contains($0.name) }
            ports.progress.detail("\(ready) of \(awaited.count) ready")
            if let worse = soak.fault(report, at: ports.time.now()) {
                let actions = machine.handle(.worse(worse))
                if !actions.isEmpty { return actions }
            }
            return machine.handle(.observed(own, at: ports.time.now()))
        }
    }
}

/// A step's own reason to stop.
struct Stop: Error, CustomStringConvertible {
    let why: String
    var description: String { why }
}
