import COpenSSL
import Fleet
import Planning

/// A certificate file and its key through OpenSSL's eyes, without asking anybody.
enum OpenSSLCertificate {
    /// `host`: as in `edge.url`, without brackets. Throws a `Failure` that names the file.
    static func facts(certificate: PEM, key: PEM, host: String) throws -> CertificateFacts {
        var facts = convoy_certificate_facts()
        let result = certificate.bytes.withUnsafeBufferPointer { certificates in
            key.bytes.withUnsafeBufferPointer { keys in
                host.withCString {
                    convoy_certificate_examine(
                        certificates.baseAddress, certificates.count, keys.baseAddress, keys.count, $0, &facts)
                }
            }
        }
        switch Int(result) {
        case Int(CONVOY_CERTIFICATE_READ): return CertificateFacts(facts)
        case Int(CONVOY_CERTIFICATE_UNREADABLE):
            throw unusable("\(certificate.path) holds no PEM certificates", "name the file with the certificate chain")
        default:
            throw unusable(
                "\(key.path) holds no PEM key without a passphrase",
                "take the passphrase off (`openssl pkey`), and keep the file 0600")
        }
    }

    /// How many certificates the file holds; 0 when it is none.
    static func count(in certificates: PEM) -> Int {
        Int(certificates.bytes.withUnsafeBufferPointer { convoy_certificate_count($0.baseAddress, $0.count) })
    }

    static func unusable(_ why: String, _ next: String) -> Failure {
        Failure(.unavailable, "cannot use the edge's certificate", because: why, next: next)
    }

    /// C arrays come as tuples.
    static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// A file's bytes, as OpenSSL takes them.
    struct PEM {
        let path: String
        let bytes: [CChar]

        init(path: String, text: String) {
            self.path = path
            bytes = text.utf8.map { CChar(bitPattern: $0) }
        }
    }
}

extension CertificateFacts {
    fileprivate init(_ facts: convoy_certificate_facts) {
        self.init(
            subject: OpenSSLCertificate.text(facts.subject), notBefore: Double(facts.not_before),
            notAfter: Double(facts.not_after), keyMatches: facts.key_matches == 1,
            coversHost: facts.name_covered == 1, brokenAfter: facts.broken_at < 0 ? nil : Int(facts.broken_at) + 1,
            isAnchored: facts.is_anchored == 1, lastIssuer: OpenSSLCertificate.text(facts.last_issuer))
    }
}
