import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Planning
@testable import Systemd

extension OnSystemdHost {
    /// A supervisor in small: whoever ends is started again.
    private actor Keeper {
        let backend: SystemdProcesses
        let plans: [String: ProcessPlan]
        private(set) var given: [ProcessRecord] = []
        private(set) var ended: [ProcessRecord] = []
        private(set) var current: [String: ProcessRecord] = [:]
        private(set) var failures: [String] = []
        var isStopping = false

        init(_ backend: SystemdProcesses, _ plans: [ProcessPlan]) {
            self.backend = backend
            self.plans = Dictionary(uniqueKeysWithValues: plans.map { ($0.id, $0) })
        }

        func start(_ id: String) async {
            guard let plan = plans[id] else { return }
            do {
                let record = try await backend.start(plan)
                given.append(record)
                if !ended.contains(record) { current[id] = record } else { await start(id) }
            } catch {
                failures.append("\(error)")
            }
        }

        func hear(_ exit: ProcessExit) async {
            ended.append(exit.record)
            guard current[exit.record.id] == exit.record else { return }
            current[exit.record.id] = nil
            await backend.signal(exit.record, .kill, wholeGroup: true)
            if !isStopping { await start(exit.record.id) }
        }

        func stop() { isStopping = true }
    }

    @Suite("Anything may happen to a systemd host", .serialized)
    struct SystemdChaosTests {
        @Test("kills, restarts by hand, reloads, systemd anew, the bus anew: who was given out ends once, or lives")
        func chaos() async throws {
            let plans = (1...4).map {
                SystemdHost.plan("chaos-\($0)", "/bin/sleep infinity", unit: "StartLimitIntervalSec=0")
            }
            let backend = try SystemdHost.backend()
            let keeper = Keeper(backend, plans)
            let hearing = Task { for await exit in backend.exits { await keeper.hear(exit) } }
            for plan in plans { await keeper.start(plan.id) }
            var dice = SystemRandomNumberGenerator()
            for step in 0..<80 {
                await act(&dice, step, keeper, "chaos-\(Int.random(in: 1...4, using: &dice))")
            }
            do {
                try await until { await keeper.current.count == 4 }
            } catch {
                Issue.record("only \(await keeper.current.keys.sorted()) live; failures: \(await keeper.failures)")
            }
            for plan in plans {
                try await until {
                    guard let record = await keeper.current[plan.id] else { return false }
                    return await backend.adopt(record)
                }
            }
            await keeper.stop()
            for plan in plans { await backend.retire(plan.id) }
            try await until { await keeper.current.isEmpty }
            hearing.cancel()
            let (given, ended) = (await keeper.given, await keeper.ended)
            print("chaos: \(given.count) lives given out")
            #expect(await keeper.failures == [])
            #expect(Set(given) == Set(ended))
            #expect(Set(ended).count == ended.count)
            #expect(Set(given).count == given.count)
        }

        private func act(
            _ dice: inout SystemRandomNumberGenerator, _ step: Int, _ keeper: Keeper, _ id: String
        ) async {
            let unit = UnitName(id: id).text
            switch Int.random(in: 0..<20, using: &dice) {
            case 0..<10: if let pid = await keeper.current[id]?.pid { kill(pid, SIGKILL) }
            case 10, 11: _ = try? await SystemdHost.run("systemctl", "restart", unit)
            case 12: _ = try? await SystemdHost.run("systemctl", "stop", unit)
            case 13, 14: _ = try? await SystemdHost.run("systemctl", "daemon-reload")
            case 15, 16: _ = try? await SystemdHost.run("systemctl", "daemon-reexec")
            case 17: _ = try? await SystemdHost.run("systemctl", "restart", "dbus.service")
            default: try? await Task.sleep(for: .milliseconds(Int.random(in: 1...30, using: &dice)))
            }
        }
    }
}
