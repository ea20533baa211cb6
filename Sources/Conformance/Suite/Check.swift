/// One thing that a resource server must do or must not, and how to see whether it does.
package struct Check: Sendable {
    /// How bad it is when it doesn't.
    package enum Severity: String, Sendable, Codable { case must, should }

    /// `GROUP.what-it-is-about`; stable, so that other people's scripts may name it.
    package let id: String
    /// What is right, as a sentence without a full stop.
    package let title: String
    /// Where that is written: specification and section.
    package let reference: String
    package let severity: Severity
    package let needs: Set<Need>
    /// Returns when all is well; throws a `Fault` or a `Skip`.
    package let run: @Sendable (Bench) async throws -> Void

    package init(
        _ id: String, _ title: String, _ reference: String, _ severity: Severity = .must, needs: Set<Need> = [],
        run: @escaping @Sendable (Bench) async throws -> Void
    ) {
        self.id = id
        self.title = title
        self.reference = reference
        self.severity = severity
        self.needs = needs
        self.run = run
    }

    package var group: CheckGroup? { CheckGroup(rawValue: String(id.prefix { $0 != "." })) }
}

/// What a check can't do without. Where it is missing, the check is skipped and the reason told.
package enum Need: String, Sendable, CaseIterable, Codable {
    /// The issuer's key, and an edge that admits its tokens: else every refusal would look right.
    case key
    case modern, legacy
    /// A legacy server that hands out session ids.
    case sessions
    /// A second protected resource of the same edge.
    case neighbour
    /// Sight of what reaches an instance.
    case sight
    case tls
    /// A scope that the resource asks for.
    case scope
    /// A tool that must not be called.
    case tool
    /// A limit on one subject's requests.
    case rate
    /// A list of addresses that clients may come from.
    case clients
    /// A client certificate that the edge trusts.
    case certificate
}

package enum Verdict: Sendable, Equatable {
    case passed
    case failed(Fault)
    case skipped(String)
}

/// What is wrong. Never a token in it.
package struct Fault: Error, Sendable, Equatable {
    package var why: String
    /// What was sent, in words.
    package var sent: String
    /// What came back.
    package var seen: String

    package init(_ why: String, sent: String, seen: String) {
        self.why = why
        self.sent = sent
        self.seen = seen
    }
}

/// The check can tell nothing here.
package struct Skip: Error, Sendable, Equatable {
    package var why: String

    package init(_ why: String) { self.why = why }
}
