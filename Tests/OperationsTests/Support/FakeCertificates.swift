import Fleet
import Planning
import Ports
import Synchronization

/// Certificates whose content the test says; nobody looks into them.
final class FakeCertificates: EdgeCertificate {
    private struct State {
        var isNeeded = false
        var content: [String: String] = [:]
        var staplingEnds: Double?
        var findings: [CertificateJudge.Finding] = []
    }

    private let state = Mutex(State())

    var isNeeded: Bool { state.withLock(\.isNeeded) }
    func need() { state.withLock { $0.isNeeded = true } }
    func write(_ path: String, _ content: String) { state.withLock { $0.content[path] = content } }
    /// Nil: it must not be stapled.
    func staple(until end: Double?, _ findings: [CertificateJudge.Finding] = []) {
        state.withLock {
            $0.staplingEnds = end
            $0.findings = findings
        }
    }

    func pair(of tls: EdgeSpec.TLS, host: String, now: Double) throws -> CertificatePair {
        state.withLock { state in
            let facts = CertificateFacts(
                subject: "CN=\(host)", notBefore: 0, notAfter: now + 1e6, keyMatches: true, coversHost: true,
                isAnchored: true, lastIssuer: "CN=root")
            let ends = state.staplingEnds.flatMap { $0 > now ? $0 : nil }
            var files = [RenderedFile(path: "tls/certificate.pem", content: state.content[tls.certificate] ?? "")]
            if let path = tls.clientCertificates {
                files.append(RenderedFile(path: "tls/clients.pem", content: state.content[path] ?? ""))
            }
            if ends != nil, let path = tls.stapling {
                files.append(RenderedFile(path: "tls/stapling.der", content: state.content[path] ?? ""))
            }
            return CertificatePair(
                facts: facts, findings: state.findings, isSpecs: true, files: files, staplingEnds: ends)
        }
    }
    func stamp(of tls: EdgeSpec.TLS) -> CertificateStamp {
        let paths = [tls.certificate, tls.key, tls.clientCertificates, tls.stapling].compactMap { $0 }
        return CertificateStamp(lines: state.withLock { state in paths.map { "\($0): \(state.content[$0] ?? "")" } })
    }
}
