import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Planning
@testable import Systemd

extension OnSystemdHost {
    @Suite("Lives of units", .serialized)
    struct SystemdLifeTests {
        private let sleeper = SystemdHost.plan("one", "/bin/sleep infinity")
        private let unit = UnitName(id: "one").text

        @Test("what systemd restarted by itself is taken, not started again")
        func takesWhatIsThere() async throws {
            let backend = try SystemdHost.backend()
            let first = try await backend.start(sleeper)
            #expect(try await show("NRestarts") == "0")
            kill(first.pid, SIGKILL)
            #expect(await backend.nextExit() == ProcessExit(record: first, cause: .signalled(SIGKILL)))
            let second = try await backend.start(sleeper)
            #expect(second.pid != first.pid)
            #expect(try await show("NRestarts") == "1")
            #expect(try await show("MainPID") == String(second.pid))
            #expect(try await backend.start(sleeper) == second)
            await backend.retire("one")
        }

        @Test("a unit that died too often for systemd is started again when the supervisor says so")
        func startLimit() async throws {
            let backend = try SystemdHost.backend()
            let record = try await backend.start(SystemdHost.plan("one", "/bin/sh -c 'exit 3'"))
            let exit = await backend.nextExit()
            #expect(exit == ProcessExit(record: record, cause: .exited(code: 3)))
            try await until { try await show("ActiveState") == "failed" }
            let again = try await backend.start(sleeper)
            #expect(try await show("MainPID") == String(again.pid))
            await backend.retire("one")
        }

        @Test("a process that can't be executed: the failure names the step and where to look; nothing tries on")
        func cannotExecute() async throws {
            let backend = try SystemdHost.backend()
            let failure = await #expect(throws: Failure.self) {
                _ = try await backend.start(SystemdHost.plan("one", "/no/such/program"))
            }
            #expect(failure?.why.contains("203/EXEC") == true && failure?.why.contains(unit) == true)
            #expect(failure?.next.contains("journalctl -u \(unit)") == true)
            try await until { try await ["inactive", "failed"].contains(show("ActiveState")) }
            await backend.retire("one")
        }

        @Test("a unit file that systemd can't use is refused with its words")
        func badSetting() async throws {
            let backend = try SystemdHost.backend()
            let bad = SystemdHost.plan("one", "relative/program")
            let failure = await #expect(throws: Failure.self) { _ = try await backend.start(bad) }
            #expect(failure?.why.contains("can't use \(unit)") == true)
            #expect(failure?.next.contains("systemd-analyze verify") == true)
            await backend.retire("one")
            let missing = ProcessPlan(
                id: "gate", executable: "", arguments: [], environment: [:], workingDirectory: "/", logFile: "")
            let unknown = await #expect(throws: Failure.self) { _ = try await backend.start(missing) }
            #expect(unknown?.why.contains("knows no unit convoy-gate.service") == true)
            #expect(unknown?.next.contains("package") == true)
        }

        @Test("a changed unit file replaces what runs by the old one; an equal one does not")
        func changedUnit() async throws {
            let backend = try SystemdHost.backend()
            let first = try await backend.start(sleeper)
            #expect(try await backend.start(sleeper) == first)
            let second = try await backend.start(SystemdHost.plan("one", "/bin/sleep 600"))
            #expect(await backend.nextExit()?.record == first)
            #expect(try commandLine(second.pid) == ["/bin/sleep", "600"])
            await backend.retire("one")
        }

        @Test("TERM stops the whole group; who ignores it is killed when the unit's time is over")
        func stubborn() async throws {
            let backend = try SystemdHost.backend()
            let plan = SystemdHost.plan(
                "one", "/bin/sh -c 'trap \"\" TERM; sleep infinity & while :; do sleep 1000; done'",
                service: "TimeoutStopSec=300ms")
            let record = try await backend.start(plan)
            try await until { try members().count > 1 }
            await backend.signal(record, .term, wholeGroup: true)
            #expect(await backend.nextExit() == ProcessExit(record: record, cause: .signalled(SIGKILL)))
            try await until { try await show("ActiveState") == "failed" }
            #expect(try members() == [])
            await backend.retire("one")
        }

        @Test("orphans of a killed leader go before systemd starts it again")
        func orphans() async throws {
            let backend = try SystemdHost.backend()
            let plan = SystemdHost.plan("one", "/bin/sh -c 'sleep 700 & exec sleep infinity'")
            let record = try await backend.start(plan)
            try await until { try members().count == 2 }
            let before = Set(try members())
            kill(record.pid, SIGKILL)
            _ = await backend.nextExit()
            _ = try await backend.start(plan)
            #expect(before.isDisjoint(with: try members()))
            await backend.retire("one")
        }

        @Test("a retired instance leaves nothing: no process, no file, no unit in systemd's memory")
        func retires() async throws {
            let backend = try SystemdHost.backend()
            let record = try await backend.start(sleeper)
            // systemd has put another in its place: nobody holds a record of that one.
            kill(record.pid, SIGKILL)
            _ = await backend.nextExit()
            try await until { try await show("ActiveState") == "active" }
            await backend.retire("one")
            #expect(try members() == [])
            #expect(access("/etc/systemd/system/\(unit)", F_OK) != 0)
            #expect(try await SystemdHost.run("systemctl", "list-units", "--all", "--plain", "--no-legend", unit) == "")
            await backend.retire("one")
        }

        @Test("files that a killed supervisor left are swept, with what still runs by them")
        func sweeps() async throws {
            let backend = try SystemdHost.backend()
            let record = try await backend.start(sleeper)
            let kept = try await backend.start(SystemdHost.plan("two", "/bin/sleep infinity"))
            await backend.sweep(except: ["two"])
            #expect(await backend.nextExit()?.record == record)
            #expect(access("/etc/systemd/system/\(unit)", F_OK) != 0)
            #expect(await backend.adopt(kept))
            await backend.retire("two")
        }

        @Test("drop-ins of the admin, for one or for all instances, hold and are named")
        func dropIns() async throws {
            let backend = try SystemdHost.backend()
            let system = "/etc/systemd/system/"
            let files = ["convoy-instance-.service.d/10-all.conf", "\(unit).d/20-one.conf"].map { system + $0 }
            let directories = files.map { String($0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.endIndex)) }
            defer { for path in directories { try? FileManager.default.removeItem(atPath: path) } }
            for (path, line) in zip(files, ["TasksMax=77", "Nice=5"]) {
                try SystemdHost.files.makeDirectory(directories[files.firstIndex(of: path) ?? 0], mode: 0o755)
                try SystemdHost.files.write(path, "[Service]\n\(line)\n", mode: 0o644)
            }
            _ = try await backend.start(sleeper)
            #expect(await backend.dropIns(of: "one") == files)
            #expect(try await show("TasksMax") == "77")
            #expect(try await show("Nice") == "5")
            // Changed by hand, without a daemon-reload: the next start follows it.
            try SystemdHost.files.write(files[0], "[Service]\nTasksMax=78\n", mode: 0o644)
            let running = try await backend.start(sleeper)
            await backend.signal(running, .term, wholeGroup: true)
            _ = await backend.nextExit()
            _ = try await backend.start(sleeper)
            #expect(try await show("TasksMax") == "78")
            await backend.retire("one")
        }

        // MARK: Looking at the host

        private func show(_ property: String) async throws -> String {
            try await SystemdHost.run("systemctl", "show", "--value", "-p", property, unit)
        }

        private func members() throws -> [Int32] {
            let group = "/sys/fs/cgroup/systemd/system.slice/\(unit)/cgroup.procs"
            let unified = "/sys/fs/cgroup/system.slice/\(unit)/cgroup.procs"
            let text = (try? String(contentsOfFile: group, encoding: .utf8))
            return (text ?? (try? String(contentsOfFile: unified, encoding: .utf8)) ?? "")
                .split(separator: "\n").compactMap { Int32($0) }
        }

        private func commandLine(_ pid: Int32) throws -> [String] {
            try String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
                .split(separator: "\0").map { String($0) }
        }
    }
}

extension SystemdProcesses {
    func nextExit() async -> ProcessExit? {
        for await exit in exits { return exit }
        return nil
    }
}

/// For what the host does by itself and tells nobody of.
func until(_ holds: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(15)
    while try await !holds() {
        try #require(clock.now < end)
        try await clock.sleep(for: .milliseconds(20))
    }
}
