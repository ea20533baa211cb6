import Control
import Fleet
import Foundation
import Ports
import Supervision

/// The direct backend's supervisor: `convoy supervise` as a process of its own, which outlives the
/// verb that started it.
struct DetachedSupervisor: SupervisorLauncher {
    let layout: FleetLayout

    func ensureRunning() async throws -> Bool {
        if try ListeningSocket.answers(layout.controlSocket) { return false }
        let log = layout.log("supervisor")
        let files = PosixFiles()
        for path in [layout.state, layout.runtime] { try files.makeDirectory(path, mode: 0o755) }
        try files.makeDirectory(layout.logs, mode: 0o700)
        let processes = try DirectProcesses()
        let record = try await processes.start(
            ProcessPlan(
                id: "supervisor", executable: Self.executable,
                arguments: ["supervise", "--root", layout.root.isEmpty ? "/" : layout.root],
                environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"],
                workingDirectory: "/", logFile: log))
        let time = SystemTime()
        let deadline = time.now().value + 10
        while time.now().value < deadline {
            if try ListeningSocket.answers(layout.controlSocket) { return true }
            if kill(record.pid, 0) != 0 { break }
            try await time.sleep(0.02)
        }
        throw Failure(
            .failed, "cannot start the supervisor", because: "its control socket does not answer",
            next: "read \(log)")
    }

    func waitUntilGone() async throws {
        let time = SystemTime()
        let deadline = time.now().value + 10
        while let pid = SupervisorLock.holder(path: layout.supervisorLock) {
            guard time.now().value < deadline else {
                throw Failure(
                    .failed, "the fleet is down, but its supervisor has not ended", because: "pid \(pid) still runs",
                    next: "read \(layout.log("supervisor"))")
            }
            try await time.sleep(0.01)
        }
    }

    /// Of this very binary.
    static var executable: String {
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return path ?? CommandLine.arguments[0]
    }
}
