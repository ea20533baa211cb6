import Fleet
import Foundation
import Rendering
import Testing

@testable import Edge

@Suite(
    "Traffic by TLS through a real nginx (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct TLSTrafficTests {
    @Test("a renewal by file change cuts no open stream, and new connections see the new certificate")
    func renewal() async throws {
        try await withTLS { (lab, certificates) async throws in
            let before = try lab.call()
            #expect(before.status == 200)
            #expect(before.values("Strict-Transport-Security") == ["max-age=63072000"])
            let stream = EdgeLab.Call(body: #"{"method":"stream","pause":1.5}"#, announce: true)
            let inFlight = try lab.begin([stream])
            lab.firstBytes(of: inFlight)
            let stamp = installed(lab).stamp(of: try #require(lab.plan.edge.tls))
            try certificates.server("server")
            #expect(installed(lab).stamp(of: try #require(lab.plan.edge.tls)) != stamp)
            #expect(try await lab.edge.install(EdgeRenderer.render(lab.plan) + pair(lab)))
            lab.signalEdge(SIGHUP)
            var peer = before.peer
            for _ in 0..<200 where peer == before.peer { peer = (try? lab.call().peer) ?? before.peer }
            #expect(peer != before.peer)
            let streamed = try lab.finish(inFlight)[0]
            #expect(streamed.status == 200 && streamed.body.contains("data: last a"))
        }
    }

    @Test(
        "a client certificate that the authority issued is told to the gate; without one nothing is; a stranger's is refused"
    )
    func clientCertificates() async throws {
        try await withTLS({ $0.clientCertificates = $1.path("root.pem") }) { (lab, certificates) async throws in
            #expect(try lab.call().status == 200)
            #expect(lab.lastAsked()["X-Convoy-Client-Certificate"] == nil)
            let client = try certificates.server("client")
            lab.clientArguments = ["tls", client.certificate, client.key]
            let answer = try lab.call(EdgeLab.Call().with("X-Convoy-Client-Certificate", "forged"))
            #expect(answer.status == 200 && !answer.body.contains("forged") && !answer.body.contains("BEGIN"))
            let told = lab.lastAsked()["X-Convoy-Client-Certificate"]?.removingPercentEncoding ?? ""
            let own = try certificates.text("client.pem").components(separatedBy: "-----END")[0]
            #expect(told.hasPrefix(own))
            let strangers = try TestCertificates(in: lab.root + "/strangers")
            let stranger = try strangers.server("stranger")
            lab.clientArguments = ["tls", stranger.certificate, stranger.key]
            let refused = try lab.call()
            #expect(refused.status == 400 && refused.json["error"] != nil)
        }
    }

    @Test("TLS 1.0 and 1.1 are not spoken, 1.2 and 1.3 and HTTP/2 are, and an OCSP response is stapled")
    func versions() async throws {
        try await withTLS({ tls, certificates in
            tls.stapling = try certificates.response(about: "server")
        }) { (lab, _) async throws in
            for (option, isSpoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
                let words = try handshake(lab, [option, "-alpn", "h2", "-status"])
                #expect(words.contains("ALPN protocol: h2") == isSpoken, "\(option): \(words)")
                #expect(words.contains("OCSP Response Status: successful") == isSpoken)
            }
        }
    }

    private func handshake(_ lab: EdgeLab, _ options: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = ["s_client", "-connect", "127.0.0.1:\(lab.plan.edge.listen.port)"] + options
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return words
    }

    private func withTLS(
        _ change: (inout EdgeSpec.TLS, TestCertificates) throws -> Void = { _, _ in },
        _ body: (EdgeLab, TestCertificates) async throws -> Void
    ) async throws {
        let lab = try EdgeLab(slots: ["a1"])
        defer { lab.stop() }
        let certificates = try TestCertificates(in: lab.root)
        let server = try certificates.server("server")
        var tls = EdgeSpec.TLS(certificate: server.certificate, key: server.key)
        try change(&tls, certificates)
        lab.plan.edge.url = "https://127.0.0.1:\(lab.plan.edge.listen.port)"
        lab.plan.edge.tls = tls
        lab.plan.installsCertificate = true
        lab.clientArguments = ["tls"]
        try await lab.start(edge: try pair(lab))
        try await body(lab, certificates)
    }

    private func installed(_ lab: EdgeLab) -> InstalledCertificate {
        InstalledCertificate(configuration: lab.plan.paths.configuration)
    }

    private func pair(_ lab: EdgeLab) throws -> [RenderedFile] {
        let now = Date().timeIntervalSince1970
        return try installed(lab).pair(of: #require(lab.plan.edge.tls), host: "127.0.0.1", now: now).files
    }
}
