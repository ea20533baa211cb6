import COpenSSL
import Fleet
import Planning

/// An OCSP response through OpenSSL's eyes, without asking anybody.
enum OpenSSLStapling {
    /// `chain`: the certificates that it is to be stapled to. Throws a `Failure` that names the file.
    static func facts(response: [UInt8], path: String, chain: OpenSSLCertificate.PEM) throws -> StaplingFacts {
        var facts = convoy_stapling_facts()
        let result = response.withUnsafeBufferPointer { bytes in
            chain.bytes.withUnsafeBufferPointer {
                convoy_stapling_examine(bytes.baseAddress, bytes.count, $0.baseAddress, $0.count, &facts)
            }
        }
        guard Int(result) == Int(CONVOY_CERTIFICATE_READ) else {
            throw OpenSSLCertificate.unusable(
                "\(path) is no OCSP response (DER)", "write one, such as by `openssl ocsp -respout FILE`")
        }
        return StaplingFacts(facts)
    }
}

extension StaplingFacts {
    fileprivate init(_ facts: convoy_stapling_facts) {
        self.init(
            excuse: facts.response_status == 0 ? nil : OpenSSLCertificate.text(facts.excuse),
            isAboutCertificate: facts.is_about_certificate == 1,
            status: facts.certificate_status == 0 ? .good : facts.certificate_status == 1 ? .revoked : .unknown,
            thisUpdate: Double(facts.this_update),
            nextUpdate: facts.next_update == 0 ? nil : Double(facts.next_update),
            isSigned: facts.is_signed < 0 ? nil : facts.is_signed == 1)
    }
}
