import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

/// On their own, so that other tests' descriptors and load do not count.
@Suite("What supervision costs", .serialized)
struct LeakAndLatencyTests {
    @Test("two hundred starts, failures among them, leak no descriptor")
    func leaks() async throws {
        // Only what is this test's own counts: the ones beside it open and close all the time.
        let scratch = try Scratch()
        let backend = try DirectProcesses()
        let mine = { try names(in: "/proc/self/fd").filter { Self.belongs($0, to: scratch.path) }.count }
        let (dead, before) = (Self.deadPidfds(), try mine())
        for round in 0..<200 {
            if round % 4 == 0 {
                _ = await message { _ = try await backend.start(scratch.plan("/no/such", [])) }
            } else {
                _ = try await backend.start(scratch.plan("/bin/true", []))
                _ = await backend.nextExit()
            }
        }
        #expect(try mine() == before)
        #expect(Self.deadPidfds() < dead + 20)
    }

    @Test("a killed process is replaced, time after time, and the death is told of the right one")
    func latency() async throws {
        let scratch = try Scratch()
        let backend = try DirectProcesses()
        let keeper = Keeper(backend: backend, plan: scratch.plan("/bin/sleep", ["600"]))
        var (toEvent, toExec): ([Duration], [Duration]) = ([], [])
        var record = try await keeper.start()
        let clock = ContinuousClock()
        for _ in 0..<100 {
            let killed = clock.now
            kill(record.pid, SIGKILL)
            let exit = await backend.nextExit()
            let seen = clock.now
            #expect(exit?.record == record)
            record = try await keeper.start()
            toExec.append(clock.now - killed)
            toEvent.append(seen - killed)
        }
        await backend.signal(record, .kill, wholeGroup: true)
        let (event, exec) = (toEvent.sorted()[50], toExec.sorted()[50])
        print("p50 from kill to event \(event), to exec of the replacement \(exec)")
    }

    private actor Keeper {
        let backend: DirectProcesses
        let plan: ProcessPlan

        init(backend: DirectProcesses, plan: ProcessPlan) {
            self.backend = backend
            self.plan = plan
        }

        func start() async throws -> ProcessRecord { try await backend.start(plan) }
    }

    private static func belongs(_ descriptor: String, to path: String) -> Bool {
        target(descriptor).hasPrefix(path)
    }

    /// Pidfds whose process was reaped: a few at a time belong to tests beside this one.
    private static func deadPidfds() -> Int {
        ((try? names(in: "/proc/self/fdinfo")) ?? []).filter {
            let information = (try? PosixFiles().read("/proc/self/fdinfo/\($0)")) ?? ""
            return information.contains("Pid:\t-1")
        }.count
    }

    private static func target(_ descriptor: String) -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? ""
    }
}
