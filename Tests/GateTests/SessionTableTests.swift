import Admission
import Foundation
import Testing

@testable import Gate

@Suite("Whose a session is")
struct SessionTableTests {
    private static func owner(_ table: SessionTable, _ name: String, pool: String = "analytics") -> Digest128 {
        table.owner(Caller(issuer: "https://login.example.com", subject: name), pool: pool)
    }

    private static func inDirectory(_ body: (String) throws -> Void) throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test("owners differ by pool, issuer and subject, and are one word of 32 digits")
    func owners() throws {
        let table = try SessionTable(count: 16)
        let owners = [
            table.owner(Caller(issuer: "i", subject: "ada"), pool: "p"),
            table.owner(Caller(issuer: "i", subject: "bob"), pool: "p"),
            table.owner(Caller(issuer: "j", subject: "ada"), pool: "p"),
            table.owner(Caller(issuer: "i", subject: "ada"), pool: "q"),
            table.owner(Caller(issuer: "ia", subject: "da"), pool: "p"),
        ]
        #expect(Set(owners).count == owners.count)
        for owner in owners {
            #expect(owner.hex.utf8.count == 32)
            #expect(Digest128(hex: owner.hex) == owner)
        }
        #expect(table.owner(Caller(issuer: "i", subject: "ada"), pool: "p") == owners[0])
        for bad in [
            "", "00", String(repeating: "A", count: 32), String(repeating: "0", count: 33),
            "+" + owners[0].hex.dropFirst(),
        ] {
            #expect(Digest128(hex: bad) == nil)
        }
    }

    @Test("a session is its owner's and nobody else's; an unknown one is nobody's")
    func holders() throws {
        let table = try SessionTable(count: 64)
        let (ada, bob) = (Self.owner(table, "ada"), Self.owner(table, "bob"))
        let session = table.digest("a1.6f0c", pool: "analytics")
        #expect(table.holder(of: session, asking: ada, now: 1) == .nobody)
        #expect(table.register(session, owner: ada, now: 1) == .registered)
        #expect(table.register(session, owner: ada, now: 2) == .registered)
        #expect(table.holder(of: session, asking: ada, now: 3) == .owner)
        #expect(table.holder(of: session, asking: bob, now: 3) == .somebodyElse)
        for other in ["a2.6f0c", "6f0c", "a1.6f0d", "A1.6f0c"] {
            #expect(table.holder(of: table.digest(other, pool: "analytics"), asking: ada, now: 3) == .nobody)
        }
        #expect(table.holder(of: table.digest("a1.6f0c", pool: "billing"), asking: ada, now: 3) == .nobody)
        table.forget(session)
        #expect(table.holder(of: session, asking: ada, now: 4) == .nobody)
    }

    @Test("an id that a server gives to two owners is neither's")
    func dispute() throws {
        let table = try SessionTable(count: 64)
        let (ada, bob) = (Self.owner(table, "ada"), Self.owner(table, "bob"))
        let session = table.digest("a1.1", pool: "analytics")
        #expect(table.register(session, owner: ada, now: 1) == .registered)
        #expect(table.register(session, owner: bob, now: 1) == .taken)
        #expect(table.register(session, owner: ada, now: 1) == .taken)
        for owner in [ada, bob] { #expect(table.holder(of: session, asking: owner, now: 2) == .somebodyElse) }
    }

    @Test("a killed gate loses nothing, and two gates see the same")
    func reopened() throws {
        try Self.inDirectory { directory in
            let first = try SessionTable(directory: directory, count: 64)
            let ada = Self.owner(first, "ada")
            let session = first.digest("a1.6f0c", pool: "analytics")
            #expect(first.register(session, owner: ada, now: 1) == .registered)
            let second = try SessionTable(directory: directory, count: 64)
            #expect(Self.owner(second, "ada") == ada)
            #expect(second.holder(of: session, asking: ada, now: 2) == .owner)
            second.forget(session)
            #expect(first.holder(of: session, asking: ada, now: 3) == .nobody)
            var status = stat()
            #expect(stat(directory + "/sessions", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            #expect(status.st_size == 4096 + 64 * 64)
        }
    }

    @Test("a file that is damaged, of another size, open to others or no file at all is replaced")
    func replaced() throws {
        let spoilers: [(String) throws -> Void] = [
            { try Data().write(to: URL(filePath: $0)) },
            { try Data(count: 4096 + 64 * 64).write(to: URL(filePath: $0)) },
            { try Data(repeating: 0xff, count: 4096 + 64 * 64).write(to: URL(filePath: $0)) },
            { #expect(truncate($0, 4096 + 64 * 128) == 0) },
            { #expect(chmod($0, 0o644) == 0) },
            { path in
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: 24)
                try file.write(contentsOf: [1, 2, 3])
                try file.close()
            },
            { path in
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: 8)
                try file.write(contentsOf: [99])
                try file.close()
            },
            { path in
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
            },
        ]
        for (index, spoil) in spoilers.enumerated() {
            try Self.inDirectory { directory in
                let before = try SessionTable(directory: directory, count: 64)
                let session = before.digest("a1.1", pool: "p")
                #expect(before.register(session, owner: Self.owner(before, "ada"), now: 1) == .registered)
                try spoil(directory + "/sessions")
                let after = try SessionTable(directory: directory, count: 64)
                let ada = Self.owner(after, "ada")
                #expect(
                    after.holder(of: after.digest("a1.1", pool: "p"), asking: ada, now: 2) == .nobody,
                    "spoiler \(index)")
                #expect(after.register(session, owner: ada, now: 3) == .registered)
                #expect(after.holder(of: session, asking: ada, now: 4) == .owner)
            }
        }
    }

    @Test("a directory that is not there is a failure that says what to do")
    func noDirectory() throws {
        try Self.inDirectory { directory in
            let failure = #expect(throws: (any Error).self) { try SessionTable(directory: directory + "/nowhere") }
            #expect("\(String(describing: failure))".contains("/nowhere"))
        }
    }

    @Test("when all is full the longest unused goes, and a flood of one owner leaves most of the others")
    func flood() throws {
        let table = try SessionTable(count: 16)
        let ada = Self.owner(table, "ada")
        let own = (0..<12).map { table.digest("ada\($0)", pool: "p") }
        // Each of another owner, so that no share is used up.
        for (index, session) in own.enumerated() {
            #expect(
                table.register(session, owner: Self.owner(table, "user\(index)"), now: Double(index)) == .registered)
        }
        let flood = (0..<1000).map { table.digest("flood\($0)", pool: "p") }
        for (index, session) in flood.enumerated() {
            #expect(table.register(session, owner: ada, now: 100 + Double(index)) == .registered)
        }
        let kept = own.enumerated().filter {
            table.holder(of: $1, asking: Self.owner(table, "user\($0)"), now: 2000) == .owner
        }
        #expect(kept.count == 12, "there was room for four more, and four is the share")
        #expect(flood.filter { table.holder(of: $0, asking: ada, now: 2000) == .owner } == Array(flood.suffix(4)))
        #expect(table.register(table.digest("x", pool: "p"), owner: Self.owner(table, "bob"), now: 3000) == .registered)
        let left = own.enumerated().filter {
            table.holder(of: $1, asking: Self.owner(table, "user\($0)"), now: 3001) == .owner
        }
        #expect(left.count + flood.filter { table.holder(of: $0, asking: ada, now: 3001) == .owner }.count == 15)
    }
}
