import Fleet
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Figures from the machine")
struct HostMeterTests {
    private func append(_ text: String, to path: String) throws {
        let file = try OwnedDescriptor(opening: path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600)
        let bytes = Array(text.utf8)
        try file.writeAll(bytes.span)
    }

    @Test("lines are told once, from the end on, whole, and over rotations")
    func lines() throws {
        let scratch = try Scratch()
        let path = scratch.file("access.log")
        try append("old\n", to: path)
        let meter = HostMeter(accessLog: path, errorLog: scratch.file("error.log"))
        #expect(meter.accessLines() == [])
        #expect(meter.accessLines() == [])
        try append("one\ntw", to: path)
        #expect(meter.accessLines() == ["one"])
        try append("o\n", to: path)
        #expect(meter.accessLines() == ["two"])
        let rotation = LogRotation(policy: .init(maxBytes: 20_000, keep: 3))
        var told: [String] = []
        for number in 0..<2000 {
            try append("line \(number) \(String(repeating: "x", count: number % 90))\n", to: path)
            if number.isMultiple(of: 97) { _ = try rotation.rotate(path) }
            if number.isMultiple(of: 31) { told += meter.accessLines() }
        }
        told += meter.accessLines()
        #expect(told.count == 2000)
        #expect(told.first?.hasPrefix("line 0 ") == true && told.last?.hasPrefix("line 1999 ") == true)
    }

    @Test("a log that is not there yet is read from its first line")
    func fresh() throws {
        let scratch = try Scratch()
        let meter = HostMeter(accessLog: scratch.file("access.log"), errorLog: scratch.file("error.log"))
        #expect(meter.faultLines() == [])
        try append("first\n", to: scratch.file("error.log"))
        #expect(meter.faultLines() == ["first"])
        #expect(meter.accessLines() == [])
    }

    @Test("memory is that of the process and all that descends from it")
    func memory() async throws {
        let scratch = try Scratch()
        let pipe = try Pipe(scratch)
        let processes = try DirectProcesses()
        // The child holds 40 MB, the leader nothing.
        let record = try await processes.start(
            scratch.python(
                """
                import os, time
                if os.fork() == 0:
                    held = b"x" * 40_000_000
                    open("\(pipe.path)", "w").write("ready\\n")
                time.sleep(600)
                """))
        #expect(await pipe.line() == "ready")
        let meter = HostMeter(accessLog: "/nowhere/a", errorLog: "/nowhere/b")
        let found = meter.residentBytes(of: [record, ProcessRecord(id: "gone", pid: 1 << 30, startTicks: 1)])
        #expect(found.keys.sorted() == ["one"])
        #expect(try #require(found["one"]) > 45_000_000)
        #expect(try #require(found["one"]) < 200_000_000)
        await processes.signal(record, .kill, wholeGroup: true)
        await death(of: record.pid)
    }
}
