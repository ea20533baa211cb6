import Fleet
import Foundation
import Operations
import Ports
import Subprocess
import Supervision
import SystemPackage
import Systemd

/// The systemd backend's supervisor: Convoy's own unit.
struct SystemdSupervisor: SupervisorLauncher {
    static let unit = "convoy-supervisor.service"

    let layout: FleetLayout
    let units: SystemdUnits

    func ensureRunning() async throws -> Bool {
        if try ListeningSocket.answers(layout.controlSocket) { return false }
        try await makeDirectories()
        // One that started before this host was given its backend would be another backend's.
        for socket in ["convoy-gate.socket", "convoy-refresher.socket"] { try await units.start(socket) }
        try await units.restart(Self.unit)
        guard try ListeningSocket.answers(layout.controlSocket) else {
            throw Failure(
                .failed, "cannot start the supervisor", because: "its control socket does not answer",
                next: "`journalctl -u \(Self.unit)` tells why")
        }
        return true
    }

    /// Those that the package's users own: a purge has taken them.
    private func makeDirectories() async throws {
        let result = try await run(
            .path("/usr/bin/systemd-tmpfiles"), arguments: ["--create", "/usr/lib/tmpfiles.d/convoy.conf"],
            environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]), output: .discarded,
            error: .string(limit: 4096))
        guard !result.terminationStatus.isSuccess else { return }
        throw Failure(
            .failed, "cannot make Convoy's directories",
            because: "systemd-tmpfiles: " + result.standardError.split(separator: "\n").joined(separator: "; "),
            next: "install Convoy's Debian package on this host")
    }

    /// It would be started again, and have nothing to do.
    func waitUntilGone() async throws {
        for unit in [Self.unit, "convoy-gate.socket", "convoy-refresher.socket"] { try await units.stop(unit) }
    }
}

/// Tells systemd that the supervisor serves, and goes on telling as long as it truly takes its turns.
struct Heartbeat {
    let notify: SystemdNotify

    func start(_ supervisor: some Pulsing) -> Task<Void, Never>? {
        notify.ready("supervising")
        guard let pace = notify.pace else { return nil }
        return Task {
            while !Task.isCancelled {
                await supervisor.pulse()
                notify.alive()
                try? await Task.sleep(for: Seconds(pace.value / 2).duration)
            }
        }
    }
}

/// A loop that shows that it turns.
protocol Pulsing: Sendable {
    func pulse() async
}

extension FleetSupervisor: Pulsing {}
