import Fleet

/// What was found out about a certificate file and its key.
package struct CertificateFacts: Sendable, Equatable {
    /// The subject of the first certificate (RFC 2253), for people.
    package var subject: String
    /// Seconds since 1970.
    package var notBefore: Double
    package var notAfter: Double
    /// Whether the key is that of the first certificate.
    package var keyMatches: Bool
    /// Whether the first certificate is for the host of `edge.url`.
    package var coversHost: Bool
    /// Place (from 1) of the first certificate that was not issued by the one after it; nil = none.
    package var brokenAfter: Int?
    /// Whether the last certificate issued itself, or its issuer is one that this machine trusts.
    package var isAnchored: Bool
    /// Who issued the last one.
    package var lastIssuer: String

    package init(
        subject: String, notBefore: Double, notAfter: Double, keyMatches: Bool, coversHost: Bool,
        brokenAfter: Int? = nil, isAnchored: Bool, lastIssuer: String
    ) {
        self.subject = subject
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.keyMatches = keyMatches
        self.coversHost = coversHost
        self.brokenAfter = brokenAfter
        self.isAnchored = isAnchored
        self.lastIssuer = lastIssuer
    }
}
