import Fleet
import Foundation
import Glibc
import Ports
import ProcessContract
import Supervision
import Testing

@testable import Planning
@testable import Systemd

/// A machine whose first process is systemd, where tests may do as they like: units are written, services are
/// killed, systemd is executed anew.
enum SystemdHost {
    static var isHere: Bool { ProcessInfo.processInfo.environment["CONVOY_SYSTEMD_HOST"] == "1" && getuid() == 0 }

    static let files = PosixFiles()
    static func backend() throws -> SystemdProcesses { try SystemdProcesses(files: files) }

    static func plan(
        _ id: String, _ command: String, service: String = "", unit: String = ""
    ) -> ProcessPlan {
        let text = """
            [Unit]
            StartLimitIntervalSec=10
            StartLimitBurst=4
            \(unit)
            [Service]
            Type=exec
            ExecStart=\(command)
            Restart=always
            RestartSec=0
            KillMode=mixed
            TimeoutStopSec=5
            \(service)
            """
        return ProcessPlan(
            id: id, executable: "", arguments: [], environment: [:], workingDirectory: "/", logFile: "",
            unit: RenderedFile(path: UnitName(id: id).text, content: text + "\n"))
    }

    /// Runs a command, waits for it, returns what it printed.
    @discardableResult
    static func run(_ command: String...) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try output(of: command) }) }
        }
    }

    private static func output(of command: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// All that needs systemd itself runs one after another: it is one machine, and some tests measure it.
@Suite("On a systemd host", .serialized, .enabled(if: SystemdHost.isHere))
enum OnSystemdHost {}
