import Admission
import Crypto
import Fleet
import Foundation
import Synchronization

@testable import Conformance

/// A whole edge with its server in a function from bytes to bytes: right in everything, unless told to be wrong.
final class TinyEdge: Wire, InstanceSight {
    enum Flaw: Hashable, Sendable, CaseIterable {
        /// Everybody is served everything; two requests hide in one.
        case open
        /// Everything fails, and says why at length.
        case crashes
        case noChallenge, plainForbidden, algNone, publicKeyAsSecret, ownKey, noAudience, noExpiry, anyIssuer
        case duplicateMembers, lenientBase64, anyScope, queryToken, firstHeaderOnly, anyOrigin, anyHost, hostInMetadata
        case noMetadata, loosePath, lenientFraming, anyMethod, deadSessionIs400, sharedSessions, looseTag, trustsGroup
        case passesToken, version, keepsCredentials, oldTLS, cookie, anyHeader
        /// Good things fail: sessions end at once, unusual tokens are refused, bad input is a 500.
        case forgetsSessions, picky, fragile, eagerError, bareAnswers, variesMetadata
        case anyTool, toolChallenge, looseTools, allToolsDenied
        case noRate, noRetryAfter, rateByAddress, rateForAll, rateCountsStrangers, slowToForgive
        case anyBinding, noCertificates, anyCertificate, headerCertificate
        case trustsForwarded, anyClient
        /// No flaws: a server that speaks no legacy version; who asks is not on the list of clients; scopes
        /// are at `realm_access.roles`.
        case modernOnly, outside, roles
        case wrongName
    }

    let flaws: Set<Flaw>
    let url: EndpointURL
    private let key: P256.Signing.PublicKey
    private let secrets: [[UInt8]]
    let state = Mutex(State())

    struct State {
        var sessions: [String: String] = [:]
        var record = ""
        /// Of each subject that has a limit.
        var buckets: [String: (level: Double, at: Double)] = [:]
    }

    init(_ flaws: Set<Flaw>, key: P256.Signing.PrivateKey, url: EndpointURL) throws {
        self.flaws = flaws
        self.url = url
        self.key = key.publicKey
        let signing = SigningKey(.p256(key), algorithm: "ES256", keyID: "k1")
        secrets = [
            Array(signing.publicPEM.utf8), Array(signing.publicPEM.utf8.dropLast()), signing.publicDER,
            Array(Members.text(try signing.jwk).utf8), Array(try signing.jwk["x"]?.stringValue?.utf8 ?? "".utf8), [],
        ]
    }

    /// What would keep an open edge from letting everybody in.
    private static let spoilers: Set<Flaw> = [
        .forgetsSessions, .picky, .fragile, .eagerError, .bareAnswers, .variesMetadata, .modernOnly, .noChallenge,
        .wrongName, .allToolsDenied, .outside, .roles, .noRetryAfter, .rateForAll, .rateCountsStrangers,
        .slowToForgive, .noCertificates, .toolChallenge,
    ]

    func has(_ flaw: Flaw) -> Bool {
        flaws.contains(flaw) || (flaws.contains(.open) && flaw != .crashes && !Self.spoilers.contains(flaw))
    }

    func recorded() throws -> String { state.withLock { $0.record } }

    func handshake(_ version: TLSRelease, verifyingName: Bool) async throws(WireFault) -> String? {
        if flaws.contains(.wrongName), verifyingName { return "the certificate is for another name" }
        if flaws.contains(.crashes), version >= .v12 { return "no handshake" }
        return version >= .v12 || has(.oldTLS) ? nil : "protocol version"
    }

    func exchange(_ bytes: [UInt8], _ patience: Patience) async throws(WireFault) -> Received {
        try await exchange(bytes, patience, certificate: nil)
    }

    /// - Parameter certificate: thumbprint of the one that the client proved to hold.
    func exchange(
        _ bytes: [UInt8], _ patience: Patience, certificate: String?
    ) async throws(WireFault) -> Received {
        if flaws.contains(.crashes) {
            let body = "Traceback: /var/lib/x.py nginx/1.22.1 evil.example convoy-verify-marker convoy-verify-echo"
            let echo = String(decoding: bytes, as: UTF8.self)
            let head =
                "HTTP/1.1 500 Oops\r\nServer: nginx/1.22.1\r\nLocation: https://evil.example\r\nX-Convoy-Group: a\r\n"
                + "Set-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: \((body + echo).utf8.count)\r\n\r\n"
            return Received(bytes: Array((head + body + echo).utf8), end: .closed)
        }
        var rest = bytes[...]
        if has(.trustsForwarded), rest.starts(with: Array("PROXY ".utf8)), let end = rest.firstIndex(of: 10) {
            rest = rest[(end + 1)...]
        }
        var output: [UInt8] = []
        var authorization: String?
        while !rest.isEmpty {
            switch TinyRequest.parse(&rest) {
            case .malformed(let status):
                output += answer(has(.fragile) ? 500 : status)
                if has(.lenientFraming) { output += answer(404) }
                return Received(bytes: output, end: .closed)
            case .request(var request):
                if has(.keepsCredentials), request["authorization"] == nil, let authorization {
                    request.headers.append(("authorization", authorization))
                }
                authorization = request["authorization"] ?? authorization
                request.certificate = certificate
                output += respond(request)
                if request.hidesAnother, has(.lenientFraming) { output += answer(404) }
            }
        }
        return Received(bytes: output, end: .closed)
    }

    func answer(_ status: Int, _ headers: [String] = [], _ body: String = "{}", type: String = "application/json")
        -> [UInt8]
    {
        var all = ["Content-Type: \(type)", "Content-Length: \(body.utf8.count)"]
        if !has(.bareAnswers) { all += ["Cache-Control: no-store", "X-Accel-Buffering: no"] }
        if !flaws.contains(.open) { all.append("Strict-Transport-Security: max-age=63072000") }
        if status == 405, !has(.bareAnswers) { all.append("Allow: POST, GET, DELETE") }
        if has(.version) { all.append("Server: nginx/1.22.1") }
        if has(.cookie) { all.append("Set-Cookie: a=b") }
        if has(.version) { all.append("X-Powered-By: Tiny") }
        let head = "HTTP/1.1 \(status) X\r\n" + (all + headers).map { $0 + "\r\n" }.joined() + "\r\n"
        return Array((head + body).utf8)
    }

    // MARK: Tokens

    /// 200 with the subject, or the status of the refusal.
    func judge(_ text: String, _ request: TinyRequest) -> (status: Int, subject: String) {
        var text = text
        if has(.lenientBase64) {
            text = text.filter { !"=\", ".contains($0) }.replacing("+", with: "-").replacing("/", with: "_")
        }
        return judgeStrictly(text, request)
    }

    private func json(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64URL.decode(Array(part.utf8)) else { return nil }
        if has(.duplicateMembers) { return try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) }
        return try? StrictJSON.parse(bytes)
    }

    private func judgeStrictly(_ text: String, _ request: TinyRequest) -> (status: Int, subject: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, text.utf8.count < 8192, let header = json(parts[0]), let claims = json(parts[1]),
            claims.objectValue != nil
        else { return (401, "") }
        if has(.rateCountsStrangers), let subject = claims["sub"]?.stringValue { take(subject) }
        guard isSigned(parts, header), isProved(claims["cnf"], request) else { return (401, "") }
        let now = Date().timeIntervalSince1970
        for name in ["exp", "nbf", "iat"] { if let time = claims[name], Self.number(time) == nil { return (401, "") } }
        if !has(.noExpiry) {
            guard let expiry = claims["exp"].flatMap(Self.number), expiry > now else { return (401, "") }
            if let start = claims["nbf"].flatMap(Self.number), start > now + 30 { return (401, "") }
            if let issued = claims["iat"].flatMap(Self.number), issued > now + 30 { return (401, "") }
        }
        let audiences = claims["aud"]?.arrayValue ?? claims["aud"].map { [$0] } ?? []
        guard has(.noAudience) || audiences.contains(.string(url.text)) else { return (401, "") }
        guard has(.anyIssuer) || claims["iss"] == .string("https://issuer.example") else { return (401, "") }
        guard let subject = claims["sub"]?.stringValue else { return (401, "") }
        if has(.picky), subject != "convoy-verify" || claims["aud"]?.stringValue == nil { return (401, "") }
        if has(.picky), claims["scope"]?.stringValue?.contains("openid") == true { return (401, "") }
        let roles = claims["realm_access"]?["roles"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let words = (claims["scope"]?.stringValue ?? "").split(separator: " ").map(String.init)
        let scopes = has(.roles) ? roles : words
        return (has(.anyScope) || scopes.contains("mcp:tiny") ? 200 : 403, subject)
    }

    private func isSigned(_ parts: [Substring], _ header: JSONValue) -> Bool {
        let signed = Data("\(parts[0]).\(parts[1])".utf8)
        let algorithm = header["alg"]?.stringValue ?? ""
        if has(.algNone), algorithm.lowercased().hasPrefix("none") { return true }
        guard let signature = Base64URL.decode(Array(parts[2].utf8)) else { return false }
        if has(.publicKeyAsSecret), algorithm == "HS256" {
            return secrets.contains {
                HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: SymmetricKey(data: $0))
            }
        }
        let carried = ["jwk", "jku", "x5u", "x5c", "crit"].contains { header[$0] != nil }
        if has(.ownKey), carried { return true }
        guard !carried, algorithm == "ES256", header["kid"] == .string("k1"), header["typ"] == .string("at+jwt"),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: signed)
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number) where number.isFinite: number
        default: nil
        }
    }
}
