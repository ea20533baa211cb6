import Fleet
import Planning

/// Certificate and key that the edge serves with, who may issue client certificates, and the response to staple.
/// A pair that does not fit never replaces one that does.
package protocol EdgeCertificate: Sendable {
    /// The pair to install beside the edge's configuration: the one that the spec names, checked; or, when
    /// that has a fault, the one that is installed, if it has none; the client authorities likewise. Throws a
    /// `Failure` when neither will do. A response that must not be stapled is left out.
    /// `host`: that of `edge.url`; `now`: seconds since 1970.
    func pair(of tls: EdgeSpec.TLS, host: String, now: Double) throws -> CertificatePair
    /// Changes when one of the files that the spec names does (by inode, size or time), and costs no
    /// reading. For a watch: ask `pair` again, and let nginx check and reload, when it differs.
    func stamp(of tls: EdgeSpec.TLS) -> CertificateStamp
}

package struct CertificatePair: Sendable {
    package var facts: CertificateFacts
    /// About the files that the spec names, each by its name: warnings when these are they, else why they are not.
    package var findings: [CertificateJudge.Finding]
    /// False: the spec's own are faulty, these are those that were installed before.
    package var isSpecs: Bool
    /// `tls/certificate.pem`, `tls/key.pem`; `tls/clients.pem` and `tls/stapling.der` where there are any.
    package var files: [RenderedFile]
    /// When the response among the files is worth nothing any more, in seconds since 1970; nil: none is there.
    package var staplingEnds: Double?

    package init(
        facts: CertificateFacts, findings: [CertificateJudge.Finding], isSpecs: Bool, files: [RenderedFile],
        staplingEnds: Double? = nil
    ) {
        self.facts = facts
        self.findings = findings
        self.isSpecs = isSpecs
        self.files = files
        self.staplingEnds = staplingEnds
    }
}

/// One line per file; equal stamps: nobody changed any.
package struct CertificateStamp: Sendable, Hashable {
    package var lines: [String]

    package init(lines: [String]) { self.lines = lines }
}
