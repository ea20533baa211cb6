import Fleet

extension CertificateJudge {
    /// Clocks of responders and machines differ a little.
    private static var leeway: Double { 300 }

    /// Whether an OCSP response may be stapled. `now`: seconds since 1970. A fault means that it must not
    /// be: clients that believe it turn away, and without one they do not.
    package static func judge(_ facts: StaplingFacts, now: Double) -> [Finding] {
        if let fault = fault(facts, now) { return [fault] }
        let left = facts.ends - now
        guard left < (facts.ends - facts.thisUpdate) / 4 else { return [] }
        return [
            Finding(isFault: false, what: "it is stale in \(span(left))", next: "look at what should keep it fresh")
        ]
    }

    private static func fault(_ facts: StaplingFacts, _ now: Double) -> Finding? {
        func fault(_ what: String, _ next: String) -> Finding { Finding(isFault: true, what: what, next: next) }
        let again = "ask the responder again, such as by `openssl ocsp -respout FILE`"
        if let excuse = facts.excuse { return fault("the responder said \(excuse) instead of an answer", again) }
        guard facts.isAboutCertificate else { return fault("it is about another certificate", again) }
        guard facts.isSigned != false else { return fault("the certificate's issuer did not sign it", again) }
        switch facts.status {
        case .revoked: return fault("it says that the certificate is revoked", "get a new certificate, at once")
        case .unknown: return fault("it says that the responder does not know the certificate", again)
        case .good: break
        }
        if now >= facts.ends { return fault("it is stale for \(span(now - facts.ends))", again) }
        if now < facts.thisUpdate - leeway {
            return fault("it is not valid for another \(span(facts.thisUpdate - now))", "look at this machine's clock")
        }
        return nil
    }
}
