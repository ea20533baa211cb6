import Fleet
import Foundation
import Testing

@testable import Edge

@Suite(
    "What TLS needs beside the pair is looked at before it serves",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct StaplingTests {
    private let now = Date().timeIntervalSince1970 + 120

    @Test("a fresh response of the issuer's about the certificate is installed byte for byte, and tells its end")
    func good() throws {
        try withCertificates { certificates, installed, tls in
            let path = try certificates.response(about: "server")
            let pair = try installed.pair(of: tls(path, nil), host: "127.0.0.1", now: now)
            let file = try #require(pair.files.last)
            #expect(file.path == "tls/stapling.der")
            #expect(file.bytes == [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
            #expect(abs(try #require(pair.staplingEnds) - now - 86400) < 600)
            #expect(pair.findings.allSatisfy { !$0.isFault })
        }
    }

    @Test(
        "a revoked, stale, foreign, unsigned or unreadable one is left out by name, and the pair serves without",
        arguments: [
            ("revoked", "certificate is revoked"), ("stale", "stale for 2 days"), ("other", "another certificate"),
            ("signature", "did not sign it"), ("unknown", "does not know"), ("trylater", "said trylater"),
            ("nonsense", "no OCSP response"), ("missing", "cannot read"),
        ])
    func refused(_ fault: String, _ word: String) throws {
        try withCertificates { certificates, installed, tls in
            var path = try certificates.response(about: "server", status: fault == "revoked" ? "R" : "V")
            switch fault {
            case "other":
                try certificates.server("other")
                path = try certificates.response(about: "other")
            case "signature": path = try certificates.response(about: "server", signedBy: "root")
            case "unknown": path = try certificates.response(about: "server", status: "")
            case "trylater": try Data([0x30, 3, 0x0a, 1, 3]).write(to: URL(fileURLWithPath: path))
            case "nonsense": try Data("nonsense".utf8).write(to: URL(fileURLWithPath: path))
            case "missing": path = certificates.path("nowhere")
            default: break
            }
            let time = fault == "stale" ? now + 3 * 86400 : now
            let pair = try installed.pair(of: tls(path, nil), host: "127.0.0.1", now: time)
            #expect(pair.isSpecs && pair.staplingEnds == nil && pair.files.count == 2)
            let finding = try #require(pair.findings.first { $0.isFault })
            #expect(finding.what.contains(word) && finding.what.contains(path), "\(finding.what)")
            #expect(!finding.next.isEmpty)
        }
    }

    @Test("who may issue client certificates is installed too; a file of nobody keeps the installed one, or is refused")
    func clients() throws {
        try withCertificates { certificates, installed, tls in
            let clients = certificates.path("clients.pem")
            try certificates.text("root.pem").write(toFile: clients, atomically: true, encoding: .utf8)
            let pair = try installed.pair(of: tls(nil, clients), host: "127.0.0.1", now: now)
            let text = try certificates.text("root.pem")
            #expect(pair.files.last == RenderedFile(path: "tls/clients.pem", content: text))
            try "nobody\n".write(toFile: clients, atomically: true, encoding: .utf8)
            let failure = #expect(throws: Failure.self) {
                try installed.pair(of: tls(nil, clients), host: "127.0.0.1", now: now)
            }
            #expect(failure?.why.contains("\(clients) holds no PEM certificates") == true)
            let directory = certificates.directory + "/../edge/current/tls"
            try EdgeFile.makeDirectory(directory, mode: 0o755, owner: nil)
            try EdgeFile.write(directory + "/clients.pem", pair.files[2].content, mode: 0o644, owner: nil)
            let kept = try installed.pair(of: tls(nil, clients), host: "127.0.0.1", now: now)
            #expect(kept.files.last == pair.files.last && kept.findings.contains { $0.isFault })
        }
    }

    private func withCertificates(
        _ body: (TestCertificates, InstalledCertificate, (_ stapling: String?, _ clients: String?) -> EdgeSpec.TLS)
            throws -> Void
    ) throws {
        let root = "/tmp/convoy-stapling-" + UUID().uuidString.prefix(8)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let certificates = try TestCertificates(in: root)
        let server = try certificates.server("server")
        try body(certificates, InstalledCertificate(configuration: root + "/edge")) {
            EdgeSpec.TLS(
                certificate: server.certificate, key: server.key, clientCertificates: $1, stapling: $0)
        }
    }
}
