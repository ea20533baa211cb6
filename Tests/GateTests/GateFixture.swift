import Admission
import Fleet
import Foundation
import JWTKit
import NIOCore
import Synchronization

@testable import Gate

/// A real gate on a unix socket in a fresh directory, with a development issuer of its own.
final class GateFixture: Sendable {
    static let now: Double = 1_800_000_000
    static let url = "https://mcp.example.com"

    let directory: String
    let server: GateServer
    let issuer: DevelopmentIssuer
    let log: CollectedLog
    let clock: SetClock
    var socket: String { directory + "/gate.sock" }
    var policyFile: String { directory + "/policy.json" }

    private init(
        directory: String, issuer: DevelopmentIssuer, log: CollectedLog, clock: SetClock, server: GateServer
    ) {
        self.directory = directory
        self.issuer = issuer
        self.log = log
        self.clock = clock
        self.server = server
    }

    /// Runs `body` with a gate and takes everything down again. `before` may put other things into the
    /// gate's directory; the gate looks for a refresher at `refresher.sock` there.
    static func with(
        policy: Bool = true, patience: TimeAmount = .seconds(2),
        before: (String, DevelopmentIssuer) throws -> Void = { _, _ in },
        _ body: (GateFixture) async throws -> Void
    ) async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let issuer = try DevelopmentIssuer.load(directory: directory + "/issuer", fleet: "shop")
        if policy { try write(Self.policy(issuer), to: directory + "/policy.json") }
        try before(directory, issuer)
        let log = CollectedLog()
        let clock = SetClock(now)
        let server = try await GateServer.start(
            policyFile: directory + "/policy.json", listener: .path(directory + "/gate.sock"), log: log.audit,
            refresher: directory + "/refresher.sock", patience: patience, clock: { clock.now })
        let fixture = GateFixture(directory: directory, issuer: issuer, log: log, clock: clock, server: server)
        do { try await body(fixture) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    static func temporaryDirectory() throws -> String {
        let directory = NSTemporaryDirectory() + "convoy-gate-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }

    static func policy(
        _ issuer: DevelopmentIssuer, revision: Int = 1, active: Colour? = .a, more: [GatePolicy.Issuer] = []
    ) -> GatePolicy {
        GatePolicy(
            revision: revision, url: url,
            pools: [
                .init(name: "analytics", scope: "mcp:analytics", active: active),
                .init(name: "billing", scope: "mcp:billing", active: active),
            ], issuers: [issuer.policyIssuer] + more)
    }

    static func write(_ policy: GatePolicy, to file: String) throws {
        try JSONEncoder().encode(policy).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    func write(revision: Int, active: Colour?) throws {
        try Self.write(Self.policy(issuer, revision: revision, active: active), to: policyFile)
    }

    func token(pool: String = "analytics", scope: String = "mcp:analytics", now: Double = now) throws -> String {
        try issuer.mint(
            pool: pool, scope: scope, audience: "\(Self.url)/\(pool)/mcp", subject: "ada", ttl: 3600, now: now
        ).reveal()
    }

    /// What nginx sends, with `token` in its place and `more` header lines.
    static func request(token: String?, pool: String = "analytics", more: [String] = []) -> String {
        var lines = [
            "GET /authorize HTTP/1.1", "Host: mcp.example.com", "X-Convoy-Pool: \(pool)", "X-Convoy-Method: POST",
            "X-Request-Id: r-1", "Mcp-Method: tools/call", "Mcp-Name: find",
        ]
        if let token { lines.append("Authorization: Bearer \(token)") }
        return (lines + more).joined(separator: "\r\n") + "\r\n\r\n"
    }

    func ask(_ request: String) async throws -> UnixClient.Answer? {
        let client = try UnixClient(socket)
        try client.send(request)
        return try await client.answer()
    }
}

/// A clock that stands still until it is set.
final class SetClock: Sendable {
    private let time: Mutex<Double>

    init(_ now: Double) { time = Mutex(now) }

    var now: Double { time.withLock { $0 } }
    func advance(_ seconds: Double) { time.withLock { $0 += seconds } }
}

/// The lines a gate logged.
final class CollectedLog: Sendable {
    private let storage: StoredLines
    let audit: AuditLog

    init() {
        let storage = StoredLines()
        self.storage = storage
        audit = AuditLog { bytes in storage.lines.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    }

    func text() async -> String {
        await audit.flush()
        return storage.lines.withLock { $0 }
    }

    private final class StoredLines: Sendable { let lines = Mutex("") }
}

/// Signs what no honest issuer would.
struct Forger {
    let algorithm: any JWTAlgorithm

    /// With the fixture's own, honest key.
    init(_ fixture: GateFixture) async throws {
        let pem = try String(contentsOfFile: fixture.directory + "/issuer/key.pem", encoding: .utf8)
        let keys = await JWTKeyCollection().add(ecdsa: try ES256PrivateKey(pem: pem), kid: "k")
        algorithm = try await keys.getKey(for: "k")
    }

    init(stranger: Void) async throws {
        algorithm = try await JWTKeyCollection().add(ecdsa: ES256PrivateKey(), kid: "k").getKey(for: "k")
    }

    init(hmac key: String) async throws {
        algorithm = try await JWTKeyCollection()
            .add(hmac: HMACKey(from: key), digestAlgorithm: .sha256, kid: "k").getKey(for: "k")
    }

    func sign(_ header: [String: JSONValue], _ claims: [String: JSONValue]) throws -> String {
        let signed =
            Base64URL.encode(try JSONEncoder().encode(header)) + "."
            + Base64URL.encode(try JSONEncoder().encode(claims))
        return signed + "." + Base64URL.encode(try algorithm.sign(Array(signed.utf8)))
    }
}
