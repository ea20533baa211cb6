import Fleet
import Foundation
import Glibc
import Planning
import Ports

/// The pair is copied into each version of the configuration: what runs, and what a restart in the middle
/// of a renewal finds, is always a pair that was checked.
package struct InstalledCertificate: EdgeCertificate {
    /// Directory of the edge's configuration, as in the plan.
    private let configuration: String

    package init(configuration: String) { self.configuration = configuration }

    package func pair(of tls: EdgeSpec.TLS, host: String, now: Double) throws -> CertificatePair {
        var findings: [CertificateJudge.Finding] = []
        do {
            let pair = try examine(tls.certificate, tls.key, host, now)
            guard pair.findings.contains(where: \.isFault) else { return pair }
            findings = pair.findings
        } catch let failure as Failure {
            findings = [.init(isFault: true, what: failure.why, next: failure.next)]
        }
        let before = configuration + "/current/tls"
        if var pair = try? examine(before + "/certificate.pem", before + "/key.pem", host, now),
            !pair.findings.contains(where: \.isFault)
        {
            pair.findings = findings
            pair.isSpecs = false
            return pair
        }
        throw OpenSSLCertificate.unusable(
            "\(tls.certificate): " + findings.map(\.what).joined(separator: "; "), findings.first?.next ?? "")
    }

    package func stamp(of tls: EdgeSpec.TLS) -> CertificateStamp {
        let paths = [tls.certificate, tls.key, tls.clientCertificates, tls.stapling].compactMap { $0 }
        return CertificateStamp(
            lines: paths.map { path in
                var status = stat()
                guard stat(path, &status) == 0 else { return "\(path): \(errno)" }
                let time = status.st_mtim
                return "\(path): \(status.st_dev) \(status.st_ino) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)"
            })
    }

    private func examine(_ certificate: String, _ key: String, _ host: String, _ now: Double) throws -> CertificatePair
    {
        let texts = try (read(certificate), read(key))
        let facts = try OpenSSLCertificate.facts(
            certificate: .init(path: certificate, text: texts.0), key: .init(path: key, text: texts.1), host: host)
        return CertificatePair(
            facts: facts, findings: CertificateJudge.judge(facts, host: host, now: now), isSpecs: true,
            files: [
                RenderedFile(path: "tls/certificate.pem", content: texts.0),
                RenderedFile(path: "tls/key.pem", content: texts.1, mode: 0o600),
            ])
    }

    private func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw OpenSSLCertificate.unusable("cannot read \(path)", "look at the path, and who may read it")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw OpenSSLCertificate.unusable("\(path) is no PEM file", "convert it with openssl")
        }
        return text
    }
}
