import Admission
import Crypto
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
    let pools: Set<String>
    private let examiner: TokenExaminer
    let inquiries: Inquiries
    /// Issuers whose keys the refresher keeps.
    let refreshed: [String]

    enum Step: Sendable {
        case decided(AdmissionDecision)
        /// Somebody may know more; `meanwhile` when that one can't be asked, or has been.
        case ask(Inquiry, meanwhile: AdmissionDecision)
    }

    /// Throws a `PolicyFault` when it must not be applied.
    package convenience init(_ policy: GatePolicy) throws(PolicyFault) { try self.init(policy, link: nil) }

    init(_ policy: GatePolicy, link: RefresherLink?) throws(PolicyFault) {
        if let fault = GatePolicyCheck.fault(in: policy) { throw PolicyFault(fault) }
        revision = policy.revision
        judge = AdmissionJudge(policy)
        pools = Set(policy.pools.map(\.name))
        examiner = TokenExaminer(policy, link: link)
        notices = examiner.notices
        inquiries = Inquiries(clock: link?.clock ?? WallClock.now)
        refreshed = policy.issuers.filter { $0.keys == .refresher }.map(\.url)
    }

    func serves(_ pool: String) -> Bool { pools.contains(pool) }

    /// With what is known now; asks nobody.
    package func decide(_ request: AccessRequest, now: Double) -> AdmissionDecision {
        switch step(request, now: now) {
        case .decided(let decision), .ask(_, meanwhile: let decision): decision
        }
    }

    func step(_ request: AccessRequest, now: Double) -> Step {
        switch judge.screen(request) {
        case .decided(let decision): .decided(decision)
        case .examine(let examination):
            switch examiner.examine(examination.token, now: now) {
            case .ask(let inquiry, let meanwhile): .ask(inquiry, meanwhile: conclude(examination, meanwhile, now))
            case let finding: .decided(conclude(examination, finding, now))
            }
        }
    }

    private func conclude(
        _ examination: Examination, _ finding: TokenExaminer.Finding, _ now: Double
    ) -> AdmissionDecision {
        switch finding {
        case .told(let claims):
            examination.conclude(
                claims, thumbprint: { examination.certificate.map { Array(SHA256.hash(data: $0)) } }, now: now)
        case .unavailable(let reason), .ask(_, meanwhile: .unavailable(let reason)): .unavailable(reason: reason)
        case .ask: .unavailable(reason: "the issuer did not answer")
        }
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
