import Admission
import Crypto
import Fleet
import Foundation

@testable import Conformance

/// What the tiny edge promises besides: tools, rate, addresses, tokens bound to certificates.
extension TinyEdge {
    static let deniedTool = "drop"
    static let rate = RateLimit(perSecond: 5, burst: 5)

    // MARK: Addresses

    func isForeign(_ request: TinyRequest) -> Bool {
        let names = [
            "x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-convoy-client",
        ]
        let told = request.headers.filter { names.contains($0.name) }.map(\.value)
        if has(.trustsForwarded), !told.isEmpty {
            return told.contains { text in Target.Clients.documentation.contains(where: text.contains) }
        }
        return has(.outside) && !has(.anyClient)
    }

    // MARK: Tools

    func ruleRefusal(_ request: TinyRequest, _ subject: String) -> [UInt8]? {
        if let refusal = toolRefusal(request) { return refusal }
        guard subject.contains("-rate-"), !has(.noRate) else { return nil }
        let address = has(.rateByAddress) ? request["x-forwarded-for"] ?? "" : ""
        guard !take((has(.rateForAll) ? "all" : subject) + address) else { return nil }
        return answer(429, has(.noRetryAfter) ? [] : ["Retry-After: 1"])
    }

    /// Whether the subject may ask now.
    @discardableResult func take(_ subject: String) -> Bool {
        let now = Date().timeIntervalSince1970
        let refill = has(.slowToForgive) || has(.rateForAll) || has(.rateCountsStrangers) ? 0 : Self.rate.perSecond
        return state.withLock { state in
            let bucket = state.buckets[subject] ?? (level: Double(Self.rate.burst), at: now)
            let level = min(Double(Self.rate.burst), bucket.level + (now - bucket.at) * refill)
            state.buckets[subject] = (max(0, level - (level >= 1 ? 1 : 0)), now)
            return level >= 1
        }
    }

    private func toolRefusal(_ request: TinyRequest) -> [UInt8]? {
        if has(.allToolsDenied), request["mcp-method"]?.hasPrefix("tools/") == true { return answer(403) }
        let body = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body))
        let text = String(decoding: request.body, as: UTF8.self)
        let calls = text.contains("tools/call") && text.lowercased().contains(Self.deniedTool)
        let isNamed = request["mcp-name"] == Self.deniedTool && body?["params"]?["name"] == .string(Self.deniedTool)
        if has(.anyTool), calls { return answer(200, [], #"{"result":{"content":[]}}"#) }
        if has(.looseTools), calls, !isNamed { return answer(200, [], #"{"result":{"content":[]}}"#) }
        guard calls else { return nil }
        return has(.toolChallenge) ? refusal(403, request) : answer(403)
    }

    // MARK: Bound tokens

    func isProved(_ confirmation: JSONValue?, _ request: TinyRequest) -> Bool {
        if has(.noCertificates), request.certificate != nil { return false }
        guard let confirmation, !has(.anyBinding) else { return true }
        let bound = confirmation["x5t#S256"]?.stringValue
        if has(.anyCertificate), request.certificate != nil { return true }
        if has(.headerCertificate), request["client-cert"] != nil { return true }
        guard let bound, confirmation.objectValue?.count == 1 else { return false }
        return bound == request.certificate
    }
}

/// A way to the tiny edge that proves a certificate; what nobody certified proves nothing.
struct TinyWire: Wire {
    let edge: TinyEdge
    let certificate: String?

    func exchange(_ bytes: [UInt8], _ patience: Patience) async throws(WireFault) -> Received {
        try await edge.exchange(bytes, patience, certificate: certificate)
    }

    func handshake(_ version: TLSRelease, verifyingName: Bool) async throws(WireFault) -> String? {
        try await edge.handshake(version, verifyingName: verifyingName)
    }
}
