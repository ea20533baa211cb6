import Fleet
import Foundation
import Glibc
import Planning
import Ports

/// What the edge's TLS needs is copied into each version of the configuration: what runs, and what a restart in
/// the middle of a renewal finds, was always checked.
package struct InstalledCertificate: EdgeCertificate {
    private static let certificate = "tls/certificate.pem"
    private static let key = "tls/key.pem"
    private static let clients = "tls/clients.pem"
    private static let stapling = "tls/stapling.der"

    /// Directory of the edge's configuration, as in the plan.
    private let configuration: String

    package init(configuration: String) { self.configuration = configuration }

    package func pair(of tls: EdgeSpec.TLS, host: String, now: Double) throws -> CertificatePair {
        var pair = try checkedPair(of: tls, host, now)
        if let path = tls.clientCertificates { try add(clients: path, to: &pair) }
        if let path = tls.stapling { add(stapling: path, to: &pair, now) }
        return pair
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

    // MARK: Certificate and key

    private func checkedPair(of tls: EdgeSpec.TLS, _ host: String, _ now: Double) throws -> CertificatePair {
        var findings: [CertificateJudge.Finding] = []
        do {
            var pair = try examine(tls.certificate, tls.key, host, now)
            findings = pair.findings
            pair.findings = findings.map { $0.about("certificate \(tls.certificate)") }
            guard findings.contains(where: \.isFault) else { return pair }
        } catch let failure as Failure {
            findings = [.init(isFault: true, what: failure.why, next: failure.next)]
        }
        if var pair = try? examine(installed(Self.certificate), installed(Self.key), host, now),
            !pair.findings.contains(where: \.isFault)
        {
            pair.findings = findings.map { $0.about("certificate \(tls.certificate)") }
            pair.isSpecs = false
            return pair
        }
        throw OpenSSLCertificate.unusable(
            "\(tls.certificate): " + findings.map(\.what).joined(separator: "; "), findings.first?.next ?? "")
    }

    private func examine(_ certificate: String, _ key: String, _ host: String, _ now: Double) throws -> CertificatePair
    {
        let texts = try (text(certificate), text(key))
        let facts = try OpenSSLCertificate.facts(
            certificate: .init(path: certificate, text: texts.0), key: .init(path: key, text: texts.1), host: host)
        return CertificatePair(
            facts: facts, findings: CertificateJudge.judge(facts, host: host, now: now), isSpecs: true,
            files: [
                RenderedFile(path: Self.certificate, content: texts.0),
                RenderedFile(path: Self.key, content: texts.1, mode: 0o600),
            ])
    }

    // MARK: Who may issue client certificates

    private func add(clients path: String, to pair: inout CertificatePair) throws {
        do {
            pair.files.append(RenderedFile(path: Self.clients, content: try authorities(path)))
        } catch let failure as Failure {
            // Never without: nothing could be held against tokens that are bound to a certificate.
            guard let before = try? authorities(installed(Self.clients)) else { throw failure }
            pair.files.append(RenderedFile(path: Self.clients, content: before))
            pair.findings.append(.init(isFault: true, what: failure.why, next: failure.next))
        }
    }

    private func authorities(_ path: String) throws -> String {
        let text = try text(path)
        guard OpenSSLCertificate.count(in: .init(path: path, text: text)) > 0 else {
            throw OpenSSLCertificate.unusable(
                "\(path) holds no PEM certificates", "name the file with those who may issue client certificates")
        }
        return text
    }

    // MARK: The response to staple

    /// Without one the edge serves as well: what must not be stapled is left out, and told.
    private func add(stapling path: String, to pair: inout CertificatePair, _ now: Double) {
        do {
            let response = [UInt8](try data(path))
            let facts = try OpenSSLStapling.facts(
                response: response, path: path, chain: .init(path: Self.certificate, text: pair.files[0].content))
            let findings = CertificateJudge.judge(facts, now: now)
            pair.findings += findings.map { $0.about("stapling \(path)") }
            guard !findings.contains(where: \.isFault) else { return }
            pair.staplingEnds = facts.ends
            pair.files.append(RenderedFile(path: Self.stapling, binary: response))
        } catch {
            let failure = error as? Failure
            pair.findings.append(
                .init(isFault: true, what: failure?.why ?? "cannot read \(path)", next: failure?.next ?? ""))
        }
    }

    private func installed(_ name: String) -> String { "\(configuration)/current/\(name)" }

    private func text(_ path: String) throws -> String {
        guard let text = String(data: try data(path), encoding: .utf8) else {
            throw OpenSSLCertificate.unusable("\(path) is no PEM file", "convert it with openssl")
        }
        return text
    }

    private func data(_ path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw OpenSSLCertificate.unusable("cannot read \(path)", "look at the path, and who may read it")
        }
        return data
    }
}

extension CertificateJudge.Finding {
    /// With the file that it is about.
    fileprivate func about(_ file: String) -> Self { Self(isFault: isFault, what: "\(file): \(what)", next: next) }
}
