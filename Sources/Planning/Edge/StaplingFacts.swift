import Fleet

/// What was found out about an OCSP response (RFC 6960), held against the certificate it is stapled to.
package struct StaplingFacts: Sendable, Equatable {
    package enum Status: Sendable, Equatable { case good, revoked, unknown }

    /// Nil: the response is one. Else what the responder said in its stead, such as `trylater`.
    package var excuse: String?
    package var isAboutCertificate: Bool
    package var status: Status
    /// Seconds since 1970.
    package var thisUpdate: Double
    /// Nil: the responder has newer ones at any time.
    package var nextUpdate: Double?
    /// By the certificate's issuer, or whom it made its responder; nil: the chain's file does not hold the issuer.
    package var isSigned: Bool?

    package init(
        excuse: String? = nil, isAboutCertificate: Bool, status: Status, thisUpdate: Double, nextUpdate: Double?,
        isSigned: Bool?
    ) {
        self.excuse = excuse
        self.isAboutCertificate = isAboutCertificate
        self.status = status
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
        self.isSigned = isSigned
    }

    /// A response without an end of its own: what the slowest of the public responders take.
    private static let longest: Double = 7 * 24 * 3600

    /// Seconds since 1970: when it is worth nothing any more.
    package var ends: Double { nextUpdate ?? thisUpdate + Self.longest }
}
