import Admission
import Fleet
import NIOCore
import Synchronization

/// Keys as the refresher told them last. They outlive a policy: a flip must not forget what nobody can
/// fetch just now.
final class RefreshedKeys: Sendable {
    struct Entry: Sendable {
        let keys: KeySet
        /// In seconds since 1970.
        var fetchedAt: Double
        fileprivate let document: JSONValue
        fileprivate var question: Int
    }

    private struct State: Sendable {
        var entries: [String: Entry] = [:]
        var questions = 0
    }

    private let client: RefresherClient
    private let audit: AuditLog
    private let clock: @Sendable () -> Double
    private let state = Mutex(State())

    init(client: RefresherClient, audit: AuditLog, clock: @escaping @Sendable () -> Double) {
        self.client = client
        self.audit = audit
        self.clock = clock
    }

    subscript(issuer: String) -> Entry? { state.withLock { $0.entries[issuer] } }

    func keep(only issuers: Set<String>) {
        state.withLock { $0.entries = $0.entries.filter { issuers.contains($0.key) } }
    }

    /// Asks for an issuer's keys; without a good answer, what is known stays. Never fails.
    func refresh(_ issuer: String, fresh: Bool) -> EventLoopFuture<Void> {
        let question = state.withLock { state in
            state.questions += 1
            return state.questions
        }
        return client.keys(of: issuer, fresh: fresh).map { answer in
            // A clock that is ahead there must not make keys last longer here.
            self.take(answer.jwks, fetchedAt: min(answer.fetchedAt, self.clock()), of: issuer, question)
        }
        .flatMapErrorThrowing { error in
            let reason = (error as? RefresherClient.Fault)?.reason ?? ""
            self.audit.note("keys not refreshed", [("issuer", .text(issuer)), ("reason", .text(reason))])
        }
    }

    private func take(_ document: JSONValue, fetchedAt: Double, of issuer: String, _ question: Int) {
        let known = self[issuer]
        let keys = known.flatMap { $0.document == document ? $0.keys : nil } ?? KeySet(document, of: issuer)
        let entry = Entry(keys: keys, fetchedAt: fetchedAt, document: document, question: question)
        let isTaken = state.withLock { state in
            // Answers may overtake each other: that to the later question is the one to go by.
            if let present = state.entries[issuer], present.question > question { return false }
            state.entries[issuer] = entry
            return true
        }
        guard isTaken, keys !== known?.keys else { return }
        audit.note("keys changed", [("issuer", .text(issuer))])
        for notice in keys.notices { audit.note("policy notice", [("reason", .text(notice))]) }
    }
}
