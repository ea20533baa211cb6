import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Planning
@testable import Systemd

extension OnSystemdHost {
    /// The system bus lets everybody send signals to anybody.
    @Suite("Signals in systemd's name", .serialized)
    struct SystemdForgeryTests {
        @Test("a death that somebody else tells of is not believed; systemd's word is")
        func forged() async throws {
            let backend = try SystemdHost.backend()
            let unit = UnitName(id: "one")
            let record = try await backend.start(SystemdHost.plan("one", "/bin/sleep infinity"))
            let startedAt = try #require(backend.roster.youngest(of: unit)?.startedAt)
            let names = try await ownNames()
            #expect(!names.isEmpty)
            for name in names {
                let said = try await SystemdHost.run(
                    "busctl", "emit", "--destination=\(name)", unit.path, "org.freedesktop.DBus.Properties",
                    "PropertiesChanged", "sa{sv}as", "org.freedesktop.systemd1.Service", "5", "MainPID", "u", "0",
                    "ExecMainPID", "u", "\(record.pid)", "ExecMainCode", "i", "1", "ExecMainStatus", "i", "0",
                    "ExecMainStartTimestampMonotonic", "t", "\(startedAt)", "0")
                #expect(said == "")
            }
            // The answer to this comes after what was sent before it.
            #expect(await backend.adopt(record))
            kill(record.pid, SIGKILL)
            #expect(await backend.nextExit() == ProcessExit(record: record, cause: .signalled(SIGKILL)))
            await backend.retire("one")
        }

        /// What the bus calls this process's connections.
        private func ownNames() async throws -> [String] {
            var names: [String] = []
            for line in try await SystemdHost.run("busctl", "list", "--unique", "--no-legend").split(separator: "\n") {
                let words: [Substring] = line.split(separator: " ")
                if words.count > 1, words[1] == String(getpid()) { names.append(String(words[0])) }
            }
            return names
        }
    }
}
