import Fleet
import Foundation
import Planning
import Testing

@testable import Edge

@Suite(
    "Certificates are looked at before they serve",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct CertificateTests {
    /// A little later: the certificates of a test are made after this.
    private let now = Date().timeIntervalSince1970 + 120

    @Test("a chain of leaf and intermediate, with its own key, for the name or the address, has no fault")
    func good() throws {
        try withCertificates { certificates, installed in
            let pair = try certificates.server("good")
            for host in ["mcp.example.com", "127.0.0.1"] {
                let found = try installed.pair(
                    of: .init(certificate: pair.certificate, key: pair.key), host: host, now: now)
                #expect(
                    found.isSpecs && found.facts.keyMatches && found.facts.coversHost && found.facts.brokenAfter == nil)
                // A private root is no fault, but worth a word.
                #expect(found.findings.map(\.isFault) == [false] && !found.facts.isAnchored)
                #expect(found.files.map(\.path) == ["tls/certificate.pem", "tls/key.pem"])
                #expect(found.files.map(\.mode) == [0o644, 0o600])
                #expect(abs(found.facts.notAfter - now - 30 * 86400) < 600)
            }
        }
    }

    @Test(
        "a key of another, an expired one, one for another name, a chain in the wrong order: each is refused by name",
        arguments: ["key", "expired", "name", "order", "future", "no PEM", "passphrase", "missing"])
    func refused(_ fault: String) throws {
        try withCertificates { certificates, installed in
            var pair = try certificates.server("server")
            var (host, time, word) = ("mcp.example.com", now, "")
            switch fault {
            case "key":
                pair.key = try certificates.server("other").key
                word = "key is not that of"
            case "expired": (time, word) = (now + 31 * 86400, "expired")
            case "future": (time, word) = (now - 2.5 * 86400, "not valid for another 2 days")
            case "name": (host, word) = ("mcp.example.org", "not for mcp.example.org")
            case "order":
                let text = try certificates.text("server.pem") + certificates.text("server.pem")
                try text.write(toFile: pair.certificate, atomically: true, encoding: .utf8)
                word = "did not issue"
            case "no PEM":
                try "nonsense".write(toFile: pair.certificate, atomically: true, encoding: .utf8)
                word = "no PEM certificates"
            case "passphrase":
                let key = pair.key
                pair.key = certificates.path("locked.key")
                try certificates.openssl(["pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", pair.key])
                word = "passphrase"
            default: (pair.key, word) = (certificates.path("nowhere"), "cannot read")
            }
            let tls = EdgeSpec.TLS(certificate: pair.certificate, key: pair.key)
            let failure = #expect(throws: Failure.self) { try installed.pair(of: tls, host: host, now: time) }
            #expect(failure?.why.contains(word) == true && failure?.next.isEmpty == false, "\(failure?.why ?? "")")
        }
    }

    @Test("a pair that does not fit never replaces the installed one, and the reason is told")
    func keepsWhatRuns() throws {
        try withCertificates { certificates, installed in
            let good = try certificates.server("good")
            let tls = EdgeSpec.TLS(certificate: good.certificate, key: good.key)
            let pair = try installed.pair(of: tls, host: "127.0.0.1", now: now)
            let directory = certificates.directory + "/../edge/current"
            for file in pair.files {
                try EdgeFile.makeDirectory(directory + "/tls", mode: 0o755, owner: nil)
                try EdgeFile.write("\(directory)/\(file.path)", file.content, mode: file.mode, owner: nil)
            }
            // Half a renewal: the key is new, the certificate is not.
            let other = try certificates.server("other")
            let half = EdgeSpec.TLS(certificate: good.certificate, key: other.key)
            let kept = try installed.pair(of: half, host: "127.0.0.1", now: now)
            #expect(!kept.isSpecs && kept.files == pair.files)
            #expect(kept.findings.first?.what.contains("key is not that of") == true)
            let renewed = try installed.pair(
                of: .init(certificate: other.certificate, key: other.key), host: "127.0.0.1", now: now)
            #expect(renewed.isSpecs && renewed.files != pair.files)
        }
    }

    @Test("the stamp changes when a file is replaced, written to, or gone, and not else")
    func stamps() throws {
        try withCertificates { certificates, installed in
            let pair = try certificates.server("good")
            let tls = EdgeSpec.TLS(certificate: pair.certificate, key: pair.key)
            let first = installed.stamp(of: tls)
            #expect(installed.stamp(of: tls) == first)
            try certificates.text("good.key").write(toFile: pair.key, atomically: true, encoding: .utf8)
            let second = installed.stamp(of: tls)
            try FileManager.default.removeItem(atPath: pair.certificate)
            let third = installed.stamp(of: tls)
            #expect(Set([first, second, third]).count == 3)
        }
    }

    private func withCertificates(_ body: (TestCertificates, InstalledCertificate) throws -> Void) throws {
        let root = "/tmp/convoy-certificates-" + UUID().uuidString.prefix(8)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(try TestCertificates(in: root), InstalledCertificate(configuration: root + "/edge"))
    }
}
