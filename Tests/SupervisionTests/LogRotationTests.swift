import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Rotating logs under a running process")
struct LogRotationTests {
    @Test("a small log is left alone")
    func small() {
        #expect(LogRotationPolicy(maxBytes: 10).steps(log: "x.log", bytes: 10, siblings: ["x.log"]) == [])
    }

    @Test("older parts move up, the oldest goes, and other files are nobody's parts")
    func steps() {
        let siblings = ["x.log", "x.log.1", "x.log.2", "x.log.3", "x.log.9", "x.log.01", "x.log.new", "xy.log.1"]
        let steps = LogRotationPolicy(maxBytes: 10, keep: 3).steps(log: "x.log", bytes: 11, siblings: siblings)
        #expect(
            steps == [
                .remove("x.log.3"), .remove("x.log.9"), .rename("x.log.2", to: "x.log.3"),
                .rename("x.log.1", to: "x.log.2"), .carry("x.log", to: "x.log.1"),
            ])
    }

    @Test("not a byte is lost while a process keeps writing, where the file system can do it")
    func lossless() async throws {
        let (scratch, backend) = try (Scratch(), DirectProcesses())
        let script = """
            import os
            for n in range(200000): os.write(1, b'%07d a line of some length, as logs have them\\n' % n)
            """
        let rotation = LogRotation(policy: .init(maxBytes: 64 << 10, keep: 500))
        let record = try await backend.start(scratch.python(script))
        var outcomes: [LogRotation.Outcome] = []
        while !backend.members(of: record).isEmpty {
            let outcome = try rotation.rotate(scratch.file("one.log"))
            if outcome != .notNeeded { outcomes.append(outcome) }
        }
        _ = await backend.nextExit()
        try #require(outcomes.count > 3)
        // tmpfs and overlays can't collapse; there only the mechanics are tested.
        guard !outcomes.contains(.copiedAndEmptied) else {
            let elsewhere = try Scratch()
            _ = try await backend.start(elsewhere.plan("/usr/bin/stat", ["-f", "-c", "%T", scratch.path]))
            _ = await backend.nextExit()
            #expect(try !elsewhere.content("one.log").hasPrefix("ext"), "ext4 can collapse")
            return
        }
        let names = (1...outcomes.count).reversed().map { "one.log.\($0)" } + ["one.log"]
        let text = try names.map { try scratch.content($0) }.joined()
        let expected = (0..<200_000).map {
            String(repeating: "0", count: 7 - String($0).count) + "\($0) a line of some length, as logs have them\n"
        }
        #expect(text == expected.joined())
    }

    @Test("parts are 0600, no more than kept, and a missing log needs nothing")
    func parts() throws {
        let scratch = try Scratch()
        let rotation = LogRotation(policy: .init(maxBytes: 16 << 10, keep: 2))
        #expect(try rotation.rotate(scratch.file("no.log")) == .notNeeded)
        for _ in 0..<4 {
            _ = try scratch.write("a.log", String(repeating: "x", count: 20_000), mode: 0o600)
            #expect(try rotation.rotate(scratch.file("a.log")) != .notNeeded)
        }
        #expect(try PosixFiles().list(scratch.path) == ["a.log", "a.log.1", "a.log.2"])
        var status = stat()
        try #require(stat(scratch.file("a.log.1"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }
}
