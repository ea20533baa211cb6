import Admission
import Foundation
import Glibc
import Testing

@testable import Gate

/// A small generator with a seed, so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

@Suite("Laws of session ownership")
struct SessionLawTests {
    @Test(
        "in any order of registering, asking, ending, kills, torn writes and evictions nobody gets another's session",
        arguments: 0..<8)
    func anyOrder(_ seed: Int) throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var random = SeededGenerator(state: UInt64(seed))
        // Few places and many sessions: sets overflow all the time. Two gates overlap.
        var gates = [
            try SessionTable(directory: directory, count: 32), try SessionTable(directory: directory, count: 32),
        ]
        let file = directory + "/sessions"
        /// To whom each session was ever given.
        var given: [Int: Set<Int>] = [:]
        var admitted = 0
        for step in 0..<2500 {
            let session = Int.random(in: 0..<60, using: &random)
            let owner = Int.random(in: 0..<5, using: &random)
            let gate = gates[Int.random(in: 0..<2, using: &random)]
            let (digest, asker) = Self.digests(gate, session, owner)
            let now = Double(step)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<35:
                if gate.register(digest, owner: asker, now: now) == .registered {
                    given[session, default: []].insert(owner)
                }
            case 35..<90:
                let holder = gate.holder(of: digest, asking: asker, now: now)
                if holder == .owner {
                    admitted += 1
                    try #require(given[session]?.contains(owner) == true, "step \(step)")
                    // The strong law: no second owner at the same time.
                    for other in 0..<5 where other != owner {
                        try #require(
                            gate.holder(of: digest, asking: Self.digests(gate, session, other).1, now: now) != .owner)
                    }
                }
            case 90..<94:
                // Only its owner can end it.
                if gate.holder(of: digest, asking: asker, now: now) == .owner {
                    gate.forget(digest)
                    given[session] = []
                }
            case 94..<97:
                gates[Int.random(in: 0..<2, using: &random)] = try SessionTable(directory: directory, count: 32)
            default: try Self.tear(file, &random)
            }
        }
        #expect(admitted > 25, "the generator must reach admissions for the law to mean anything")
    }

    private static func digests(_ gate: SessionTable, _ session: Int, _ owner: Int) -> (Digest128, Digest128) {
        (
            gate.digest("a1.\(session)", pool: "p"),
            gate.owner(Caller(issuer: "https://login.example.com", subject: "user\(owner)"), pool: "p")
        )
    }

    /// As a writer leaves an entry that is killed in the middle: some words of it are another entry's.
    private static func tear(_ path: String, _ random: inout SeededGenerator) throws {
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        let from = 4096 + 64 * Int.random(in: 0..<32, using: &random)
        let to = 4096 + 64 * Int.random(in: 0..<32, using: &random)
        let words = Int.random(in: 1...7, using: &random)
        var bytes = [UInt8](repeating: 0, count: words * 8)
        let skip = 8 * Int.random(in: 0...(7 - words), using: &random)
        try #require(pread(descriptor, &bytes, bytes.count, off_t(from + skip)) == bytes.count)
        try #require(pwrite(descriptor, bytes, bytes.count, off_t(to + skip)) == bytes.count)
    }

    @Test("no single byte of an entry can be changed without losing it, but the last use")
    func everyByte() throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let table = try SessionTable(directory: directory, count: 16)
        let session = table.digest("a1.1", pool: "p")
        let (ada, bob) = (
            table.owner(Caller(issuer: "i", subject: "ada"), pool: "p"),
            table.owner(Caller(issuer: "i", subject: "bob"), pool: "p")
        )
        #expect(table.register(session, owner: ada, now: 1) == .registered)
        let descriptor = open(directory + "/sessions", O_RDWR)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let place = try #require(
            (0..<16).first { index in
                pread(descriptor, &bytes, 64, off_t(4096 + 64 * index)) == 64 && bytes[40..<48].contains { $0 != 0 }
            })
        for index in 0..<48 {
            var spoilt = [bytes[index] ^ 0x10]
            #expect(pwrite(descriptor, &spoilt, 1, off_t(4096 + 64 * place + index)) == 1)
            #expect(table.holder(of: session, asking: ada, now: 2) == .nobody, "byte \(index)")
            #expect(table.holder(of: session, asking: bob, now: 2) == .nobody, "byte \(index)")
            var whole = [bytes[index]]
            #expect(pwrite(descriptor, &whole, 1, off_t(4096 + 64 * place + index)) == 1)
            #expect(table.holder(of: session, asking: ada, now: 2) == .owner)
        }
        // A whole entry, but somewhere else.
        let elsewhere = (place + 1) % 16
        #expect(pwrite(descriptor, &bytes, 64, off_t(4096 + 64 * elsewhere)) == 64)
        var nothing = [UInt8](repeating: 0, count: 64)
        #expect(pwrite(descriptor, &nothing, 64, off_t(4096 + 64 * place)) == 64)
        #expect(table.holder(of: session, asking: ada, now: 3) == .nobody)
    }

    @Test("two gates that write at the same time never admit the wrong owner")
    func together() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let gates = try (0..<2).map { _ in try SessionTable(directory: directory, count: 16) }
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let gate = gates[worker % 2]
                    var random = SeededGenerator(state: UInt64(worker))
                    for step in 0..<3000 {
                        let session = Int.random(in: 0..<40, using: &random)
                        // Each session has one true owner; whoever else asks must never be it.
                        let (digest, owner) = Self.digests(gate, session, session % 5)
                        let (_, stranger) = Self.digests(gate, session, (session + 1) % 5)
                        _ = gate.register(digest, owner: owner, now: Double(step))
                        let holder = gate.holder(of: digest, asking: stranger, now: Double(step))
                        #expect(holder != .owner)
                    }
                }
            }
        }
    }
}
