import Fleet
import Foundation
import Ports

@testable import Issuers

/// A refresher on a socket of its own, with an issuer to fetch from and time that stands still.
struct RefresherLab: Sendable {
    let directory: String
    let issuer: ScriptedIssuer
    let time: HandTime
    let journal: Journal
    let server: RefresherServer

    var socket: String { directory + "/refresher.sock" }
    var planFile: String { directory + "/plan.json" }

    func get(_ target: String) async throws -> UnixClient.Answer {
        try await UnixClient.exchange(socket, "GET \(target) HTTP/1.1\r\nHost: refresher\r\n\r\n")
    }

    func keys(_ url: String? = nil, fresh: Bool = false) async throws -> UnixClient.Answer {
        let name = (url ?? issuer.origin).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return try await get("/keys?issuer=\(name)" + (fresh ? "&fresh=1" : ""))
    }

    func introspect(_ token: String, issuer url: String? = nil) async throws -> UnixClient.Answer {
        let document = JSONValue.object(["issuer": .string(url ?? issuer.origin), "token": .string(token)])
        return try await post(String(decoding: try JSONEncoder().encode(document), as: UTF8.self))
    }

    func post(_ body: String) async throws -> UnixClient.Answer {
        try await UnixClient.exchange(
            socket,
            "POST /introspect HTTP/1.1\r\nHost: refresher\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    func write(_ plan: RefresherPlan) throws { try Self.write(plan, planFile) }

    static func write(_ plan: RefresherPlan, _ path: String) throws {
        try StableJSON.text(plan).write(toFile: path, atomically: true, encoding: .utf8)
    }

    static func secret(_ text: String, _ path: String, mode: Int = 0o600) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}

/// Keys as issuers publish them; one is enough.
enum SampleKeys {
    static func jwks(_ kid: String, extra: String = "") -> String {
        #"{"keys":[{"kty":"EC","crv":"P-256","kid":"\#(kid)","use":"sig","alg":"ES256","x":"eA","y":"eQ"\#(extra)}]}"#
    }
}

struct LabOptions: Sendable {
    var limits = IssuerLimits()
    var patience: Seconds = 10
    /// Serves by TLS with a certificate of a throw-away CA for these names.
    var tlsNames: String?
    var days = 2
    var trustsCA = true
    var host = "127.0.0.1"
}

/// The plan is `plan`'s, by default with the issuer's keys at `/keys`, where one key lies.
func withRefresher(
    _ options: LabOptions = LabOptions(),
    plan: (ScriptedIssuer, String) throws -> RefresherPlan = { issuer, _ in
        RefresherPlan(revision: 1, issuers: [.init(url: issuer.origin, keys: .url(issuer.origin + "/keys"))])
    },
    script: (ScriptedIssuer) -> Void = { _ in },
    _ body: (RefresherLab) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/convoy-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let authority = try options.tlsNames.map { _ in try ThrowawayCA(directory) }
    let leaf = try authority?.leaf(options.tlsNames ?? "", days: options.days)
    let issuer = try await ScriptedIssuer.start(leaf, host: options.host)
    issuer.script("/keys", .json(SampleKeys.jwks("one")))
    script(issuer)
    var plan = try plan(issuer, directory)
    if let authority, options.trustsCA { plan.ca = authority.certificate }
    try RefresherLab.write(plan, directory + "/plan.json")
    let (time, journal) = (HandTime(), Journal())
    let server = try await RefresherServer.start(
        planFile: directory + "/plan.json", listener: .path(directory + "/refresher.sock"),
        world: RefresherWorld(time: time, dice: { 0 }, log: { journal.write($0) }), limits: options.limits,
        patience: options.patience)
    let lab = RefresherLab(directory: directory, issuer: issuer, time: time, journal: journal, server: server)
    do { try await body(lab) } catch {
        await server.stop()
        await issuer.stop()
        throw error
    }
    await server.stop()
    await issuer.stop()
}
