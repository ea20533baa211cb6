import Fleet
import Ports
import Synchronization
import Testing

@testable import Ledger

/// Files in memory.
final class MemoryFiles: FileStore {
    private let files = Mutex<[String: String]>([:])

    func read(_ path: String) throws -> String? { files.withLock { $0[path] } }
    func write(_ path: String, _ content: String, mode: UInt16) throws {
        #expect(mode == 0o600)
        files.withLock { $0[path] = content }
    }
    func makeDirectory(_ path: String, mode: UInt16) throws {}
    func remove(_ path: String) throws { files.withLock { $0[path] = nil } }
    func list(_ directory: String) throws -> [String] { [] }
}

/// The simplest ledger there is: it shows that the contract asks for no more than a ledger has.
final class MemoryLedger: Ports.Ledger {
    private let record = Mutex(LedgerRecord())

    func load() async throws -> LedgerRecord { record.withLock { $0 } }
    func save(_ record: LedgerRecord) async throws { self.record.withLock { $0 = record } }
    func append(_ entry: JournalEntry) async throws -> Int { 1 }
    func journal(of rollout: Int) async throws -> [JournalEntry] { [] }
}

enum Kind: String, CaseIterable, Sendable {
    case file, memory

    func make() -> any Ports.Ledger {
        switch self {
        case .file: FileLedger(files: MemoryFiles(), path: "/state/ledger.json")
        case .memory: MemoryLedger()
        }
    }
}

@Suite("Ledger contract")
struct LedgerContractTests {
    @Test("a new ledger knows nothing and begins with generation 1", arguments: Kind.allCases)
    func empty(kind: Kind) async throws {
        let record = try await kind.make().load()
        #expect(record == LedgerRecord())
        #expect(record.nextGeneration == 1 && record.current == nil && record.next == nil)
    }

    @Test("what was saved is loaded, all of it", arguments: Kind.allCases)
    func roundTrip(kind: Kind) async throws {
        let ledger = kind.make()
        let record = try Samples.record()
        try await ledger.save(record)
        #expect(try await ledger.load() == record)
        var next = record
        next.next = nil
        next.audit.append(.init(at: 0.5, verb: "down", outcome: "done \u{1F6A2} \"quoted\"\n"))
        try await ledger.save(next)
        #expect(try await ledger.load() == next)
    }
}

@Suite("FileLedger")
struct FileLedgerTests {
    private let files = MemoryFiles()
    private let path = "/state/ledger.json"

    private func refusal(_ text: String) async throws -> Failure? {
        try files.write(path, text, mode: 0o600)
        do {
            _ = try await FileLedger(files: files, path: path).load()
            return nil
        } catch let failure as Failure { return failure }
    }

    @Test("the same record is the same bytes")
    func stable() async throws {
        let ledger = FileLedger(files: files, path: path)
        try await ledger.save(try Samples.record())
        let first = try files.read(path)
        try await ledger.save(try await ledger.load())
        #expect(try files.read(path) == first)
    }

    @Test(
        "a damaged ledger is kept as it is and refused",
        arguments: ["", "{", "null", "[]", "{}", #"{"format":1}"#, #"{"format":1,"nextGeneration":"x","audit":[]}"#])
    func damaged(text: String) async throws {
        let failure = try #require(try await refusal(text))
        #expect(failure.what.contains(path))
        #expect(failure.why == "it is damaged")
        #expect(!failure.next.isEmpty)
        #expect(try files.read(path) == text)
    }

    @Test("cut short at any byte it is refused")
    func cutShort() async throws {
        let text = try StableJSON.text(try Samples.record())
        for length in stride(from: 0, to: text.utf8.count - 2, by: 97) {
            let cut = String(decoding: text.utf8.prefix(length), as: UTF8.self)
            #expect(try await refusal(cut) != nil, "cut at \(length)")
        }
    }

    @Test("the ledger of a newer convoy is refused as such, whatever else is in it")
    func newer() async throws {
        for text in [#"{"format":2,"nextGeneration":1,"audit":[]}"#, #"{"format":7,"everything":"else"}"#] {
            let failure = try #require(try await refusal(text))
            #expect(failure.why.contains("of a newer convoy"), "\(failure)")
            #expect(try files.read(path) == text)
        }
    }
}

private enum Samples {
    static func plan(_ number: Int) throws -> GenerationPlan {
        let digest = try #require(Digest(hex: String(repeating: "a", count: 64)))
        let edge = EdgeSpec(
            url: "http://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
            authorization: .issuer(url: "https://i", jwks: .file("/k")))
        let profile = Profile(
            name: "tiny", releases: [.pypi], needsDatabase: true, start: Profile.Start(command: "tiny"),
            http: Profile.HTTP(), version: Profile.Version(),
            canary: CanarySpec(tool: "find", arguments: .object(["a": .array([.integer(1), .number(1.5), .null])])),
            stop: Profile.Stop(), settings: [:], memoryDenyWriteExecute: true)
        let spec = FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "tiny", release: ReleaseReference(kind: .pypi, name: "tiny", version: "1.0.\(number)")),
            database: DatabaseSpec(uri: "mongodb://db1/"), pools: [], edge: edge)
        return GenerationPlan(
            number: number, fleet: "shop", colour: number.isMultiple(of: 2) ? .b : .a,
            release: ReleaseStamp(name: "tiny", version: "1.0.\(number)", digest: digest), profile: "tiny",
            wish: digest, instances: [], pools: [PoolPlan(name: "p", scope: "s", upstreamPath: "/mcp")], edge: edge,
            health: HealthSpec(), rollout: RolloutSpec(), logs: LogsSpec(),
            origin: GenerationPlan.Origin(spec: spec, profile: profile))
    }

    static func record() throws -> LedgerRecord {
        LedgerRecord(
            nextGeneration: 4, current: try plan(2), previous: try plan(1), next: try plan(3),
            audit: [.init(at: 1_700_000_000.25, verb: "up", outcome: "1.0.2: converged")])
    }
}
