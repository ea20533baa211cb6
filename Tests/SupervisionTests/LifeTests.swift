import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Watching, adopting and killing processes")
struct LifeTests {
    let scratch: Scratch
    let backend: DirectProcesses

    init() throws {
        scratch = try Scratch()
        backend = try DirectProcesses()
    }

    @Test("an exit tells the code or the signal")
    func causes() async throws {
        let exited = try await backend.start(scratch.shell("exit 7"))
        #expect(await backend.nextExit() == ProcessExit(record: exited, cause: .exited(code: 7)))
        let killed = try await backend.start(scratch.shell("kill -9 $$"))
        #expect(await backend.nextExit() == ProcessExit(record: killed, cause: .signalled(SIGKILL)))
    }

    @Test("a dead child is reaped, and only it")
    func reaps() async throws {
        let other = try await backend.start(scratch.plan("/bin/sleep", ["600"]))
        let record = try await backend.start(scratch.shell("true"))
        #expect(await backend.nextExit()?.record == record)
        #expect(ProcessStat(pid: record.pid) == nil)
        #expect(backend.members(of: other) == [other.pid])
        await backend.signal(other, .term, wholeGroup: false)
        #expect(await backend.nextExit()?.cause == .signalled(SIGTERM))
    }

    @Test("killing the group reaches children and grandchildren")
    func group() async throws {
        let pipe = try Pipe(scratch)
        let record = try await backend.start(
            scratch.shell("sh -c 'sleep 600 & echo $! >\(pipe.path); wait' & wait"))
        let grandchild = try #require(Int32(await pipe.line()))
        #expect(backend.members(of: record).count == 3)
        await backend.signal(record, .kill, wholeGroup: true)
        #expect(await backend.nextExit()?.cause == .signalled(SIGKILL))
        await death(of: grandchild)
        #expect(backend.members(of: record) == [])
    }

    @Test("orphans of a dead leader are found and killed, also those in a group of their own")
    func orphans() async throws {
        let pipe = try Pipe(scratch)
        let script = """
            import os, time
            for own in (False, True):
                pid = os.fork()
                if pid == 0:
                    if own: os.setpgid(0, 0)
                    open('\(pipe.path)', 'w').write(f'{os.getpid()}\\n')
                    time.sleep(600)
            time.sleep(600)
            """
        let record = try await backend.start(scratch.python(script))
        let orphans = [try #require(Int32(await pipe.line())), try #require(Int32(await pipe.line()))].sorted()
        await backend.signal(record, .kill, wholeGroup: false)
        _ = await backend.nextExit()
        #expect(backend.members(of: record) == orphans)
        await backend.signal(record, .kill, wholeGroup: true)
        for orphan in orphans { await death(of: orphan) }
        #expect(backend.members(of: record) == [])
    }

    @Test("a process that another supervisor started before it died is adopted, watched and stopped")
    func adopts() async throws {
        let pipe = try Pipe(scratch)
        // The shell stands for the old supervisor: its child has a session of its own and outlives it.
        _ = try await backend.start(scratch.shell("setsid sleep 600 & echo $! >\(pipe.path)"))
        let pid = try #require(Int32(await pipe.line()))
        _ = await backend.nextExit()
        let ticks = try #require(ProcessStat(pid: pid)).startTicks
        let record = ProcessRecord(id: "adopted", pid: pid, startTicks: ticks)
        #expect(await backend.adopt(record))
        #expect(await backend.adopt(record))
        await backend.signal(record, .term, wholeGroup: false)
        #expect(await backend.nextExit() == ProcessExit(record: record, cause: .unknown))
        #expect(await !backend.adopt(record))
    }

    @Test("a second backend adopts what the first one started, pids unchanged, when the first is gone")
    func outlivesItsBackend() async throws {
        var first: DirectProcesses? = try DirectProcesses()
        let started = try await first?.start(scratch.plan("/bin/sleep", ["600"]))
        let record = try #require(started)
        first = nil
        #expect(await backend.adopt(record))
        await backend.signal(record, .kill, wholeGroup: true)
        #expect(await backend.nextExit()?.record == record)
    }

    @Test("what was started and never noted is found by its log, until it has ended; a reader of the log is not it")
    func findsUnnoted() async throws {
        let plan = scratch.shell("sleep 600 & wait")
        #expect(await backend.find("one", logFile: plan.logFile) == nil)
        let record = try await backend.start(plan)
        let reader = try await backend.start(
            ProcessPlan(
                id: "reader", executable: "/usr/bin/tail", arguments: ["-f", plan.logFile], environment: [:],
                workingDirectory: scratch.path, logFile: scratch.file("reader.log")))
        let next = try DirectProcesses()
        #expect(await next.find("one", logFile: plan.logFile) == record)
        await backend.signal(record, .kill, wholeGroup: true)
        #expect(await backend.nextExit()?.record == record)
        #expect(await next.find("one", logFile: plan.logFile) == nil)
        await backend.signal(reader, .kill, wholeGroup: true)
        #expect(await backend.nextExit()?.record == reader)
    }

    @Test("a pid that now belongs to somebody else is neither adopted nor signalled nor listed")
    func reusedPid() async throws {
        let record = try await backend.start(scratch.plan("/bin/sleep", ["600"]))
        for ticks in [record.startTicks - 1, record.startTicks + 1, .max] {
            let stranger = ProcessRecord(id: "one", pid: record.pid, startTicks: ticks)
            #expect(await !backend.adopt(stranger))
            await backend.signal(stranger, .kill, wholeGroup: false)
            await backend.signal(stranger, .kill, wholeGroup: true)
            #expect(backend.members(of: stranger) == [])
        }
        #expect(backend.members(of: record) == [record.pid])
        await backend.signal(record, .term, wholeGroup: true)
        #expect(await backend.nextExit()?.cause == .signalled(SIGTERM))
    }

    @Test("orphans that are older than the leader we look for are somebody else's")
    func olderOrphans() async throws {
        let pipe = try Pipe(scratch)
        let record = try await backend.start(scratch.shell("sleep 600 & echo $! >\(pipe.path)"))
        let orphan = try #require(Int32(await pipe.line()))
        _ = await backend.nextExit()
        let orphanTicks = try #require(ProcessStat(pid: orphan)).startTicks
        let later = ProcessRecord(id: "one", pid: record.pid, startTicks: orphanTicks + 1)
        #expect(backend.members(of: later) == [])
        #expect(backend.members(of: record) == [orphan])
        await backend.signal(record, .kill, wholeGroup: true)
        await death(of: orphan)
    }

    @Test("pids that mean everybody are refused", arguments: [0, 1, -1] as [Int32])
    func dangerousPids(pid: Int32) async {
        let record = ProcessRecord(id: "one", pid: pid, startTicks: ProcessStat(pid: 1)?.startTicks ?? 0)
        #expect(await !backend.adopt(record))
        await backend.signal(record, .hup, wholeGroup: true)
        #expect(backend.members(of: record) == [])
    }

    @Test("a zombie counts as gone")
    func zombie() async throws {
        let pipe = try Pipe(scratch)
        // It never waits for its child.
        let script = """
            import os, time
            pid = os.fork()
            if pid == 0: os._exit(0)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            open('\(pipe.path)', 'w').write(f'{pid}\\n')
            time.sleep(600)
            """
        let parent = try await backend.start(scratch.python(script))
        let pid = try #require(Int32(await pipe.line()))
        let stat = try #require(ProcessStat(pid: pid))
        #expect(stat.isGone)
        #expect(await !backend.adopt(ProcessRecord(id: "z", pid: pid, startTicks: stat.startTicks)))
        #expect(backend.members(of: parent) == [parent.pid])
        await backend.signal(parent, .kill, wholeGroup: true)
        _ = await backend.nextExit()
    }

    @Test("two hundred quick lives are all reported")
    func manyLives() async throws {
        var started: Set<ProcessRecord> = []
        for _ in 0..<200 { started.insert(try await backend.start(scratch.plan("/bin/true", []))) }
        var ended: Set<ProcessRecord> = []
        for await exit in backend.exits {
            ended.insert(exit.record)
            if ended.count == 200 { break }
        }
        #expect(ended == started)
    }

    @Test(
        "names with spaces and parentheses do not confuse the start time",
        arguments: ["(a) b) c", "x", ") S 1 2 3 4 (", ""])
    func statParsing(name: String) {
        let fields = (4...52).map { String($0) }.joined(separator: " ")
        let stat = ProcessStat(parsing: "12 (\(name)) S \(fields)\n")
        #expect(stat?.startTicks == 22 && stat?.group == 5 && stat?.session == 6 && stat?.state == "S")
        #expect(ProcessStat(parsing: "12 (\(name)") == nil)
    }
}
