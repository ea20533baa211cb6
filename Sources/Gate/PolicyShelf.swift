import Fleet
import Synchronization

/// Holds the one policy that applies now. Nil until a good one was read: then nobody is admitted.
package final class PolicyShelf: Sendable {
    private let file: String
    private let audit: AuditLog
    private let applied = Mutex<AppliedPolicy?>(nil)

    package init(file: String, audit: AuditLog) {
        self.file = file
        self.audit = audit
    }

    package var current: AppliedPolicy? { applied.withLock { $0 } }

    /// Reads the file again. A bad file never replaces a good policy.
    package func reload() async {
        do throws(PolicyFault) {
            let policy = try await AppliedPolicy(try GatePolicy.read(file))
            applied.withLock { $0 = policy }
            audit.note("policy applied", [("revision", .number(policy.revision))])
            for notice in policy.notices { audit.note("policy notice", [("reason", .text(notice))]) }
        } catch {
            let kept = current.map { "revision \($0.revision) stays" } ?? "none applies, every request is refused"
            audit.note("policy refused", [("reason", .text(error.reason)), ("policy", .text(kept))])
        }
    }
}
