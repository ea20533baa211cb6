import Foundation
import Testing

/// Real certificates by the openssl command: a root, an intermediate, and servers below them.
struct TestCertificates {
    let directory: String

    init(in directory: String) throws {
        self.directory = directory + "/tls"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        try authority("root", signedBy: nil)
        try authority("intermediate", signedBy: "root")
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    private func authority(_ name: String, signedBy issuer: String?) throws {
        try make(name, signedBy: issuer, "basicConstraints=critical,CA:TRUE", days: ["-days", "30"])
    }

    /// `NAME.pem`: the certificate and its issuers below the root. `days`: of `openssl x509`.
    @discardableResult
    func server(
        _ name: String, for subjects: String = "IP:127.0.0.1,DNS:mcp.example.com",
        signedBy issuer: String =
            "intermediate", days: [String] = ["-days", "30"]
    ) throws -> (certificate: String, key: String) {
        try make(name, signedBy: issuer, "subjectAltName=\(subjects)", days: days)
        if issuer == "intermediate" {
            let both = try text("\(name).pem") + text("intermediate.pem")
            try both.write(toFile: path("\(name).pem"), atomically: true, encoding: .utf8)
        }
        return (path("\(name).pem"), path("\(name).key"))
    }

    /// An OCSP response about the server's certificate, of a day, signed by the intermediate; `status` as in a
    /// CA's index: V(alid) or R(evoked), or nothing for a certificate that the responder does not know.
    func response(about name: String, status: String = "V", signedBy signer: String = "intermediate") throws -> String {
        let serial = try openssl(["x509", "-in", path("\(name).pem"), "-noout", "-serial"])
            .split(separator: "=")[1].trimmingCharacters(in: .whitespacesAndNewlines)
        let revoked = status == "R" ? "250101000000Z" : ""
        let line = status.isEmpty ? "" : "\(status)\t491231235959Z\t\(revoked)\t\(serial)\tunknown\t/CN=\(name)\n"
        try line.write(toFile: path("index"), atomically: true, encoding: .utf8)
        let response = path("\(name).ocsp")
        try openssl(
            ["ocsp", "-index", path("index"), "-CA", path("intermediate.pem"), "-rsigner", path("\(signer).pem")]
                + ["-rkey", path("\(signer).key"), "-issuer", path("intermediate.pem"), "-cert", path("\(name).pem")]
                + ["-respout", response, "-ndays", "1", "-no_nonce"])
        return response
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    private func make(_ name: String, signedBy issuer: String?, _ extensions: String, days: [String]) throws {
        try (extensions + "\n").write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl(
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)"]
                + ["-keyout", path("\(name).key"), "-out", path("\(name).csr")])
        let signer =
            issuer.map { ["-CA", path("\($0).pem"), "-CAkey", path("\($0).key"), "-CAcreateserial"] }
            ?? ["-signkey", path("\(name).key")]
        try openssl(
            ["x509", "-req", "-in", path("\(name).csr"), "-extfile", path("\(name).ext"), "-out", path("\(name).pem")]
                + signer + days)
    }

    @discardableResult
    func openssl(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments)")
        return words
    }
}
