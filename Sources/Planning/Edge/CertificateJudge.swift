import Fleet

/// Whether a certificate may serve, as far as that can be told before clients see it.
package enum CertificateJudge {
    /// Two thirds of what the short-lived ones live; enough to find somebody who can renew it.
    package static let soon: Double = 7 * 24 * 3600

    package struct Finding: Sendable, Equatable {
        /// True: clients would be turned away, so it must not replace what runs.
        package var isFault: Bool
        package var what: String
        package var next: String

        package init(isFault: Bool, what: String, next: String) {
            self.isFault = isFault
            self.what = what
            self.next = next
        }
    }

    /// `now`: seconds since 1970. The worst first; empty = nothing to say.
    package static func judge(_ facts: CertificateFacts, host: String, now: Double) -> [Finding] {
        faults(facts, host, now) + warnings(facts, now)
    }

    private static func faults(_ facts: CertificateFacts, _ host: String, _ now: Double) -> [Finding] {
        var found: [Finding] = []
        func fault(_ what: String, _ next: String) { found.append(Finding(isFault: true, what: what, next: next)) }
        if !facts.keyMatches {
            fault("the key is not that of the certificate", "renew both together, or name the key that belongs to it")
        }
        if now >= facts.notAfter {
            fault("it expired \(span(now - facts.notAfter)) ago", "renew it")
        }
        if now < facts.notBefore {
            fault("it is not valid for another \(span(facts.notBefore - now))", "wait, or look at this machine's clock")
        }
        if !facts.coversHost {
            fault("it is not for \(host)", "get one whose subject alternative names hold \(host)")
        }
        if let place = facts.brokenAfter {
            fault(
                "certificate \(place + 1) of the file did not issue certificate \(place)",
                "put the server's own first, then each one's issuer: that is what `fullchain.pem` holds")
        }
        return found
    }

    private static func warnings(_ facts: CertificateFacts, _ now: Double) -> [Finding] {
        var found: [Finding] = []
        func warning(_ what: String, _ next: String) { found.append(Finding(isFault: false, what: what, next: next)) }
        if now < facts.notAfter, facts.notAfter - now < soon {
            warning("it expires in \(span(facts.notAfter - now))", "renew it")
        }
        if facts.brokenAfter == nil, !facts.isAnchored {
            warning(
                "its chain ends at \(facts.lastIssuer), which this machine does not know",
                "append the intermediate certificate if one is missing; a private root need not be there")
        }
        return found
    }

    static func span(_ seconds: Double) -> String {
        if seconds >= 48 * 3600 { return "\(Int(seconds / 86400)) days" }
        return seconds >= 2 * 3600 ? "\(Int(seconds / 3600)) hours" : "\(max(1, Int(seconds / 60))) minutes"
    }
}
