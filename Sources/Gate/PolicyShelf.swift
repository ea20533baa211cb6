import Fleet
import Synchronization

/// Holds the one policy that applies now. Nil until a good one was read: then nobody is admitted.
package final class PolicyShelf: Sendable {
    private let file: String
    private let audit: AuditLog
    private let link: RefresherLink?
    private let applied = Mutex<AppliedPolicy?>(nil)

    init(file: String, audit: AuditLog, link: RefresherLink? = nil) {
        self.file = file
        self.audit = audit
        self.link = link
    }

    package var current: AppliedPolicy? { applied.withLock { $0 } }

    /// Reads the file again. A bad file never replaces a good policy.
    package func reload() async {
        do throws(PolicyFault) {
            let policy = try AppliedPolicy(try GatePolicy.read(file), link: link)
            applied.withLock { $0 = policy }
            link?.keys.keep(only: Set(policy.refreshed))
            audit.note("policy applied", [("revision", .number(policy.revision))])
            for notice in policy.notices { audit.note("policy notice", [("reason", .text(notice))]) }
        } catch {
            let kept = current.map { "revision \($0.revision) stays" } ?? "none applies, every request is refused"
            audit.note("policy refused", [("reason", .text(error.reason)), ("policy", .text(kept))])
        }
    }

    /// Asks the refresher for the keys of every issuer that has its keys there; takes as long as its
    /// slowest answer.
    func refreshKeys() async {
        guard let keys = link?.keys, let issuers = current?.refreshed else { return }
        for answer in issuers.map({ keys.refresh($0, fresh: false) }) { try? await answer.get() }
    }
}
