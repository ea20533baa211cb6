import Fleet
import Foundation
import Glibc
import LedgerContract
import Ports
import Testing

@testable import Ledger

/// What is saved in these tests: any two of its parts tell the same number, so a mix would show.
private func numbered(_ number: Int) -> LedgerRecord {
    let padding = String(repeating: "\(number)", count: 3000 + number % 7 * 2000)
    let entries = (0..<3).map { LedgerRecord.AuditEntry(at: Double($0), verb: "\(number)", outcome: padding) }
    return LedgerRecord(nextGeneration: number, audit: entries)
}

@Suite("Ledger under kill -9")
struct LedgerKillTests {
    private static let stageName = "CONVOY_TEST_LEDGER_WRITER"

    @Test("saves until it is killed", .enabled(if: stage(LedgerKillTests.stageName) != nil))
    func endlessWriter() async throws {
        let directory = try #require(stage(Self.stageName))
        let leases = Desk.open(directory)
        let fence = try await leases.acquire(.sample(1), lifetime: 3600).fence
        let ledger = leases.ledger(under: fence)
        for number in try await ledger.load().nextGeneration + 1..<1_000_000 {
            try await ledger.save(numbered(number))
            try Data("\(number)".utf8).write(to: URL(fileURLWithPath: directory + "/confirmed"), options: .atomic)
        }
    }

    @Test("what was confirmed is there, and never a mix of two saves", arguments: 0..<8)
    func killed(round: Int) async throws {
        let desk = try Desk()
        let writer = try Reenactment(of: "endlessWriter", environment: [Self.stageName: desk.directory])
        let confirmed = { FileManager.default.contents(atPath: desk.directory + "/confirmed") }
        while confirmed() == nil, writer.process.isRunning { try await Task.sleep(for: .milliseconds(2)) }
        try await Task.sleep(for: .milliseconds(7 * round))
        kill(writer.process.processIdentifier, SIGKILL)
        _ = writer.text()
        let last = try #require(confirmed().flatMap { Int(String(decoding: $0, as: UTF8.self)) })
        let found = try await desk.another().ledger().load()
        #expect(found.nextGeneration == last || found.nextGeneration == last + 1)
        #expect(found == numbered(found.nextGeneration))
    }

    @Test("cut at every point of the log's last save, it is the old one or the new")
    func cutAnywhere() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        let ledger = desk.ledger(under: fence)
        try await ledger.save(numbered(1))
        let log = desk.path + "-wal"
        let before = try #require(FileManager.default.contents(atPath: log)).count
        try await ledger.save(numbered(2))
        let whole = try #require(FileManager.default.contents(atPath: log))
        #expect(whole.count > before)
        // By another process: who opens and closes the file here drops SQLite's locks on it.
        let copy = desk.directory + "/copy"
        try run("/bin/mkdir", copy)
        try run("/bin/cp", desk.path, copy + "/origin")
        var seen: Set<Int> = []
        for length in Array(stride(from: before, to: whole.count, by: 509)) + [whole.count] {
            let place = copy + "/\(length)"
            try run("/bin/mkdir", place)
            try run("/bin/cp", copy + "/origin", place + "/ledger.db")
            try whole.prefix(length).write(to: URL(fileURLWithPath: place + "/ledger.db-wal"))
            let found = try await Desk.open(place).ledger().load()
            #expect(found == numbered(1) || found == numbered(2), "cut at \(length)")
            seen.insert(found.nextGeneration)
        }
        #expect(seen == [1, 2])
    }

    private func run(_ words: String...) throws {
        let process = try Process.run(URL(fileURLWithPath: words[0]), arguments: Array(words.dropFirst()))
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(words)")
    }
}

@Suite("Ledger on a failing disk")
struct LedgerDiskTests {
    private static let stageName = "CONVOY_TEST_SMALL_DISK"
    private static let limitName = "CONVOY_TEST_FILE_LIMIT"
    private let witness = HandWitness()

    @Test("a full disk at any write: said so, nothing lost, and all goes on once there is room")
    func fullDisk() async throws {
        guard geteuid() == 0 else { return }
        let desk = try Desk()
        // The disk is in a mount namespace of its own and goes with it.
        let script = "mount -t tmpfs -o size=1m convoy-test \(desk.directory) && exec \"$0\" \"$@\""
        let child = try Reenactment(
            of: "onSmallDisk", environment: [Self.stageName: desk.directory],
            wrapped: ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script])
        let text = child.text()
        #expect(child.process.terminationStatus == 0 && text.contains("refusals were clear"), "\(text)")
    }

    @Test("on the small disk", .enabled(if: stage(LedgerDiskTests.stageName) != nil))
    func onSmallDisk() async throws {
        let disk = try #require(stage(Self.stageName))
        var refusals = 0
        for pages in 0..<48 {
            let place = disk + "/\(pages)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let ballast = Ballast(path: disk + "/ballast")
            // Half of the rounds have a file already, the others begin on the full disk.
            if pages.isMultiple(of: 2) { try await write(1, to: place) }
            try ballast.fill(leaving: pages * 4096)
            let refusal = await failure { try await self.write(2, to: place) }
            if let refusal {
                refusals += 1
                #expect(refusal.code == .unavailable && refusal.why.contains("no space"), "\(pages): \(refusal)")
                #expect(refusal.next.contains("free space"))
            }
            try ballast.remove()
            let old = pages.isMultiple(of: 2) ? numbered(1) : LedgerRecord()
            try await expect(refusal == nil ? numbered(2) : old, in: place)
            try await write(3, to: place)
            try await expect(numbered(3), in: place)
            try FileManager.default.removeItem(atPath: place)
        }
        #expect(refusals > 4 && refusals < 48)
        print("\(refusals) refusals were clear")
    }

    @Test("a disk that refuses to write: said so, nothing lost, and all goes on once it is well")
    func brokenDisk() async throws {
        let desk = try Desk()
        let child = try Reenactment(of: "onBrokenDisk", environment: [Self.limitName: desk.directory])
        let text = child.text()
        #expect(child.process.terminationStatus == 0 && text.contains("refusals were clear"), "\(text)")
    }

    /// No file may grow beyond a limit: SQLite meets an error of the system at each of its writes in turn.
    @Test("on the broken disk", .enabled(if: stage(LedgerDiskTests.limitName) != nil))
    func onBrokenDisk() async throws {
        let disk = try #require(stage(Self.limitName))
        signal(SIGXFSZ, SIG_IGN)
        var refusals = 0
        for limit in stride(from: 0, to: 160_000, by: 4096) {
            let place = disk + "/\(limit)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try await write(1, to: place)
            try limitFiles(to: rlim_t(limit))
            let refusal = await failure { try await self.write(2, to: place) }
            try limitFiles(to: nil)
            if let refusal {
                refusals += 1
                #expect(refusal.code == .failed && refusal.why.contains("I/O"), "\(limit): \(refusal)")
            }
            try await expect(numbered(refusal == nil ? 2 : 1), in: place)
            try await write(3, to: place)
            try await expect(numbered(3), in: place)
        }
        #expect(refusals > 4)
        print("\(refusals) refusals were clear")
    }

    /// A whole verb's writes, over a connection of its own.
    private func write(_ number: Int, to directory: String) async throws {
        // Of the one before nothing is left, whether or not it could give its lease back.
        witness.restart()
        let leases = Desk.open(directory, witness)
        let fence = try await leases.acquire(.sample(Int32(number)), lifetime: 15).fence
        let ledger = leases.ledger(under: fence)
        try await ledger.append(JournalEntry(rollout: number, at: 0, step: "s", mark: .intent))
        try await ledger.save(numbered(number))
        try? await leases.release(fence)
    }

    private func expect(_ wish: LedgerRecord, in directory: String) async throws {
        let found = try await Desk.open(directory).ledger().load()
        let isWish = found == wish
        // Not the records themselves: they are long.
        #expect(isWish, "\(directory): \(found.nextGeneration) instead of \(wish.nextGeneration)")
    }

    private func limitFiles(to limit: rlim_t?) throws {
        var limits = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits) == 0)
        limits.rlim_cur = limit ?? limits.rlim_max
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits) == 0)
    }
}

/// What else is on a disk.
private struct Ballast {
    let path: String

    func fill(leaving room: Int) throws {
        let file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        #expect(file >= 0)
        defer { close(file) }
        let page = [UInt8](repeating: 1, count: 4096)
        while Glibc.write(file, page, page.count) == page.count {}
        var status = stat()
        #expect(fstat(file, &status) == 0)
        #expect(ftruncate(file, max(0, status.st_size - room)) == 0)
    }

    func remove() throws { try FileManager.default.removeItem(atPath: path) }
}
