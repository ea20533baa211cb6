import Fleet
import Foundation
import Planning
import Testing

@testable import Supervision

@Suite("Surveyor and mender")
struct SurveyorTests {
    @Test("a file is told with its mode, owner and digest; nothing there is nil")
    func files() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/f"
        try PosixFiles().write(path, "hello", mode: 0o640)
        let fact = try #require(try PosixSurveyor().file(path))
        #expect(fact.nature == .file && fact.mode == 0o640 && fact.owner == geteuid())
        #expect(fact.digest == Digest.of("hello"))
        #expect(try PosixSurveyor().file(scratch.path + "/none") == nil)
        #expect(symlink("/etc/passwd", scratch.path + "/l") == 0)
        let link = try #require(try PosixSurveyor().file(scratch.path + "/l"))
        #expect(link.nature == .link && link.digest == Digest.of("/etc/passwd"))
    }

    @Test("this process is told with its program, its words and the names in its environment")
    func processes() throws {
        let fact = try #require(PosixSurveyor().process(getpid()))
        #expect(fact.executable == PosixSurveyor().program("/proc/self/exe"))
        #expect(fact.words == CommandLine.arguments)
        #expect(fact.environment?.contains("PATH") == true)
        #expect(!fact.isReplaced)
        #expect(PosixSurveyor().process(-1) == nil)
    }

    @Test("rows of /proc/net are read: v4, v6, v4 in v6 clothes; only who listens")
    func rows() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1
               1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1
               2: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000        0 13 1
               3: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0:0 00:0 0 7 0 14 1
               4: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 0:0 00:0 0 7 0 15 1
               5: 00000000000000000000000000000000:1F93 00000000000000000000000000000000:0000 0A 0:0 00:0 0 7 0 16 1
            """
        let rows = ListeningRow.rows(in: table)
        #expect(rows.map(\.address) == ["127.0.0.1", "0.0.0.0", "::1", "127.0.0.1", "::"])
        #expect(rows.map(\.port) == [8080, 22, 8081, 8082, 8083])
        #expect(rows.first?.user == 1000 && rows.first?.inode == "11")
    }

    @Test("a script is no program of its own")
    func scripts() throws {
        let scratch = try Scratch()
        try PosixFiles().write(scratch.path + "/s", "#!/bin/sh\n", mode: 0o755)
        #expect(PosixSurveyor().program(scratch.path + "/s") == nil)
    }

    @Test("the mender restores modes, refuses links, and puts aside without ever replacing anything")
    func mending() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/f"
        try PosixFiles().write(path, "x", mode: 0o666)
        try PosixMender().restore(path, mode: 0o600, owner: geteuid())
        #expect(try PosixSurveyor().file(path)?.mode == 0o600)
        #expect(symlink(path, scratch.path + "/l") == 0)
        #expect(throws: Failure.self) { try PosixMender().restore(scratch.path + "/l", mode: 0o777, owner: nil) }
        let first = try PosixMender().putAside(path, into: scratch.path + "/q")
        try PosixFiles().write(path, "y", mode: 0o600)
        let second = try PosixMender().putAside(path, into: scratch.path + "/q")
        #expect(first != second)
        #expect(try PosixFiles().read(first) == "x")
        #expect(try PosixFiles().read(second) == "y")
    }
}
