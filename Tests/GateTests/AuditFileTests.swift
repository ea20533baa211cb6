import Fleet
import Foundation
import Testing

@testable import Gate

@Suite("An audit in a file")
struct AuditFileTests {
    @Test("lines are appended, and after a rotation they go to a new file at the path")
    func rotation() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/audit.json"
        try "earlier\n".write(toFile: path, atomically: false, encoding: .utf8)
        let audit = try AuditLog.file(path)
        audit.note("first")
        await audit.flush()
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        audit.note("second")
        audit.reopen()
        // What is noted while it is being opened goes to either.
        await audit.flush()
        audit.note("third")
        await audit.flush()
        let old = try String(contentsOfFile: path + ".1", encoding: .utf8)
        let new = try String(contentsOfFile: path, encoding: .utf8)
        #expect(old.hasPrefix("earlier\n") && old.contains("first"))
        #expect(new.contains("third") && !new.contains("first"))
        #expect((old + new).contains("second"))
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 & ~0o640 == 0)
    }

    @Test("when the path can't be opened again the old file is kept, and says so")
    func kept() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/audit.json"
        let audit = try AuditLog.file(path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        audit.reopen()
        audit.note("third")
        await audit.flush()
        let old = try String(contentsOfFile: path + ".1", encoding: .utf8)
        #expect(old.contains("the audit goes on in the old file") && old.contains("third"))
    }

    @Test("a path that can't be opened is a failure that names it")
    func unopenable() throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(throws: Failure.self) { try AuditLog.file(directory + "/nowhere/audit.json") }
    }
}
