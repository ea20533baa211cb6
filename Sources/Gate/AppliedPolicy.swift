import Admission
import Fleet
import FoundationEssentials
import Glibc

/// A policy made ready, with what was learnt under it. A request is decided under exactly one of
/// these from start to end; replacing it is the flip.
package final class AppliedPolicy: Sendable {
    package let revision: Int
    /// What an operator should know about it.
    package let notices: [String]
    private let judge: AdmissionJudge
    private let keyRing: KeyRing
    private let cache = TokenCache()
    private let leeway: Double

    /// Throws a `PolicyFault` when it must not be applied.
    package init(_ policy: GatePolicy) async throws(PolicyFault) {
        if let fault = GatePolicyCheck.fault(in: policy) { throw PolicyFault(fault) }
        revision = policy.revision
        judge = AdmissionJudge(policy)
        keyRing = await KeyRing(policy.issuers)
        notices = keyRing.notices
        leeway = policy.leeway.value
    }

    package func decide(_ request: AccessRequest, now: Double) -> AdmissionDecision {
        switch judge.screen(request) {
        case .decided(let decision): decision
        case .examine(let examination): examination.conclude(claims(of: examination.token, now: now), now: now)
        }
    }

    private func claims(of token: String, now: Double) -> Result<TokenClaims, TokenFault> {
        let key = TokenCache.key(token)
        if let claims = cache.claims(for: key, now: now, leeway: leeway) { return .success(claims) }
        let result = keyRing.verify(token)
        // An expired token keeps its good signature for ever: it must not fill the cache.
        if case .success(let claims) = result, now < claims.expires + leeway { cache.insert(claims, for: key) }
        return result
    }
}

/// Why a policy file is not applied.
package struct PolicyFault: Error, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

extension GatePolicy {
    private static let sizeLimit = 4 << 20

    static func read(_ path: String) throws(PolicyFault) -> GatePolicy {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw PolicyFault("cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw PolicyFault("cannot read \(path): \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            content += chunk[..<count]
            guard content.count <= sizeLimit else { throw PolicyFault("\(path) is larger than 4 MiB") }
        }
        do { return try JSONDecoder().decode(GatePolicy.self, from: Data(content)) } catch {
            throw PolicyFault("\(path) is not a gate policy")
        }
    }
}
