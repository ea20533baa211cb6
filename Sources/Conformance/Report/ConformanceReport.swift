/// What `convoy verify --json` prints: schema in ops/schemas/verify.schema.json.
package struct ConformanceReport: Sendable, Equatable, Codable {
    package var endpoints: [EndpointReport]
    package var passed: Int
    package var failed: Int
    /// Failed checks of what should be, not must: they don't fail the run.
    package var warned: Int
    package var skipped: Int
    /// Hosts whose edge does not answer, and why.
    package var unseen: [String]

    package init(_ endpoints: [EndpointReport], unseen: [String] = []) {
        self.endpoints = endpoints
        self.unseen = unseen
        let outcomes = endpoints.flatMap(\.checks).map(\.outcome)
        func count(_ outcome: CheckReport.Outcome) -> Int { outcomes.count { $0 == outcome } }
        (passed, failed, warned, skipped) = (count(.passed), count(.failed), count(.warned), count(.skipped))
    }
}

package struct EndpointReport: Sendable, Equatable, Codable {
    /// Whose edge it was, of a fleet over several hosts.
    package var host: String?
    package var url: String
    /// `modern`, `legacy`, `modern and legacy` or `unknown`.
    package var era: String
    package var checks: [CheckReport]

    package func count(_ outcome: CheckReport.Outcome) -> Int { checks.count { $0.outcome == outcome } }

    /// Every key is always there.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(url, forKey: .url)
        try container.encode(era, forKey: .era)
        try container.encode(checks, forKey: .checks)
    }
}

package struct CheckReport: Sendable, Equatable, Codable {
    package enum Outcome: String, Sendable, Equatable, Codable { case passed, failed, warned, skipped }

    package var id: String
    package var group: String
    package var title: String
    package var reference: String
    package var severity: Check.Severity
    package var outcome: Outcome
    /// Empty when passed.
    package var why: String
    /// Empty unless failed or warned, as are the next two.
    package var sent: String
    package var seen: String
    package var next: String
    package var seconds: Double

    init(_ check: Check, _ verdict: Verdict, seconds: Double) {
        id = check.id
        group = check.group?.rawValue ?? ""
        title = check.title
        reference = check.reference
        severity = check.severity
        self.seconds = (seconds * 1000).rounded() / 1000
        (why, sent, seen, next) = ("", "", "", "")
        switch verdict {
        case .passed: outcome = .passed
        case .skipped(let reason):
            outcome = .skipped
            why = reason
        case .failed(let fault):
            outcome = check.severity == .must ? .failed : .warned
            // Whatever a check or a server put into its words: no token leaves here.
            (why, sent, seen) = (Redaction.text(fault.why), Redaction.text(fault.sent), Redaction.text(fault.seen))
            next = check.group?.advice ?? ""
        }
    }
}

/// One line of `convoy verify --list --json`.
package struct CheckListing: Sendable, Equatable, Codable {
    package var id: String
    package var title: String
    package var reference: String
    package var severity: Check.Severity
    package var needs: [Need]

    package init(_ check: Check) {
        id = check.id
        title = check.title
        reference = check.reference
        severity = check.severity
        needs = check.needs.sorted { $0.rawValue < $1.rawValue }
    }
}
