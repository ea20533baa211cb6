import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Planning
@testable import Systemd

extension OnSystemdHost {
    @Suite("What systemd costs", .serialized)
    struct SystemdMeasurement {
        private let clock = ContinuousClock()

        @Test("a killed process is told within 50 ms, and runs again within 100")
        func latency() async throws {
            let backend = try SystemdHost.backend()
            // Its own count would stop it; here it dies more often than in any outage.
            let plan = SystemdHost.plan("one", "/bin/sleep infinity", unit: "StartLimitIntervalSec=0")
            var record = try await backend.start(plan)
            var (told, executed, again): ([Duration], [Duration], [Duration]) = ([], [], [])
            for _ in 0..<50 {
                let (killed, monotonic) = (clock.now, microseconds())
                kill(record.pid, SIGKILL)
                let exit = await backend.nextExit()
                told.append(clock.now - killed)
                #expect(exit == ProcessExit(record: record, cause: .signalled(SIGKILL)))
                record = try await backend.start(plan)
                again.append(clock.now - killed)
                let startedAt = backend.roster.youngest(of: UnitName(id: "one"))?.startedAt ?? 0
                executed.append(.microseconds(Int64(startedAt) - monotonic))
            }
            report("kill to exit", told)
            report("kill to systemd's own restart", executed)
            report("kill to start() returned", again)
            #expect(told.sorted()[25] < .milliseconds(50))
            #expect(again.sorted()[25] < .milliseconds(100))
            await backend.retire("one")
        }

        @Test("starts of new instances, one by one and all at once")
        func starts() async throws {
            let backend = try SystemdHost.backend()
            let plans = (1...8).map { SystemdHost.plan("many-\($0)", "/bin/sleep infinity") }
            var (first, taken, stopped, retired): ([Duration], [Duration], [Duration], [Duration]) = ([], [], [], [])
            for plan in plans {
                var began = clock.now
                let record = try await backend.start(plan)
                first.append(clock.now - began)
                began = clock.now
                _ = try await backend.start(plan)
                taken.append(clock.now - began)
                began = clock.now
                await backend.signal(record, .term, wholeGroup: true)
                _ = await backend.nextExit()
                stopped.append(clock.now - began)
                began = clock.now
                await backend.retire(plan.id)
                retired.append(clock.now - began)
            }
            report("start() of a new unit", first)
            report("start() of one that runs", taken)
            report("TERM to exit", stopped)
            report("retire()", retired)
            let began = clock.now
            try await withThrowingTaskGroup { group in
                for plan in plans { group.addTask { _ = try await backend.start(plan) } }
                try await group.waitForAll()
            }
            print("8 new units at once: \(clock.now - began)")
            for plan in plans { await backend.retire(plan.id) }
        }

        /// By the clock that systemd tells times by.
        private func microseconds() -> Int64 {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
        }

        private func report(_ what: String, _ times: [Duration]) {
            let sorted = times.sorted()
            print("\(what): p50 \(sorted[sorted.count / 2]), max \(sorted[sorted.count - 1])")
        }
    }
}
