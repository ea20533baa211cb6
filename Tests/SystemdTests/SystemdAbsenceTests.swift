import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Planning
@testable import Systemd

extension OnSystemdHost {
    /// The bus and systemd themselves go and come back, as they do in an upgrade of the host.
    @Suite("While systemd is away", .serialized)
    struct SystemdAbsenceTests {
        private let plans = (1...3).map { SystemdHost.plan("many-\($0)", "/bin/sleep infinity") }

        @Test("systemd executes itself anew: nobody is told to have ended, and later deaths are told")
        func reexec() async throws {
            try await withInstances { backend, records in
                for _ in 0..<3 { try await SystemdHost.run("systemctl", "daemon-reexec") }
                kill(records[1].pid, SIGKILL)
                #expect(await backend.nextExit() == ProcessExit(record: records[1], cause: .signalled(SIGKILL)))
                _ = try await backend.start(plans[1])
            }
        }

        @Test("unit files are read again by somebody else: nobody is told to have ended")
        func reload() async throws {
            try await withInstances { backend, records in
                for _ in 0..<3 { try await SystemdHost.run("systemctl", "daemon-reload") }
                kill(records[0].pid, SIGKILL)
                #expect(await backend.nextExit()?.record == records[0])
            }
        }

        @Test("the bus is restarted: deaths meanwhile are told when it is back, lives go on")
        func busRestart() async throws {
            try await withInstances { backend, records in
                try await SystemdHost.run("systemctl", "stop", "dbus.socket", "dbus.service")
                kill(records[2].pid, SIGKILL)
                try await SystemdHost.run("systemctl", "start", "dbus.socket", "dbus.service")
                #expect(await backend.nextExit()?.record == records[2])
                let again = try await backend.start(plans[2])
                kill(records[0].pid, SIGKILL)
                #expect(await backend.nextExit() == ProcessExit(record: records[0], cause: .signalled(SIGKILL)))
                #expect(await backend.adopt(again))
            }
        }

        @Test("a start that loses systemd on its way ends well when it is back")
        func startMeanwhile() async throws {
            let backend = try SystemdHost.backend()
            let slow = SystemdHost.plan("one", "/bin/sleep infinity", service: "ExecStartPre=/bin/sleep 1")
            async let record = backend.start(slow)
            try await until {
                try await SystemdHost.run("systemctl", "is-active", UnitName(id: "one").text) == "activating"
            }
            try await SystemdHost.run("systemctl", "daemon-reexec")
            let started = try await record
            #expect(await backend.adopt(started))
            await backend.retire("one")
        }

        @Test("a bus that stays away is an error that says what to do, not a hang")
        func noBus() async throws {
            let backend = try SystemdProcesses(
                files: SystemdHost.files, deadlines: SystemdDeadlines(absence: 0.3),
                address: "unix:path=/run/nothing-listens-here")
            let failure = await #expect(throws: Failure.self) { _ = try await backend.start(plans[0]) }
            #expect(failure?.code == .unavailable && failure?.next.contains("systemctl status dbus") == true)
            #expect(await !backend.adopt(ProcessRecord(id: "many-1", pid: 100, startTicks: 1)))
            try SystemdHost.files.remove("/etc/systemd/system/" + UnitName(id: "many-1").text)
        }

        private func withInstances(
            _ body: (SystemdProcesses, [ProcessRecord]) async throws -> Void
        ) async throws {
            let backend = try SystemdHost.backend()
            var records: [ProcessRecord] = []
            for plan in plans { records.append(try await backend.start(plan)) }
            try await body(backend, records)
            for plan in plans { await backend.retire(plan.id) }
        }
    }
}
