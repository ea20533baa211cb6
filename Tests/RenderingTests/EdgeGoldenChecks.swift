import Fleet
import Foundation
import Testing

@testable import Rendering

@Suite(
    "Rendered configurations before the real judges (real parts)",
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct EdgeGoldenChecks {
    /// In somebody else's nginx the sizes of hashes are not ours to set; it makes do, and says so.
    @Test("nginx -t accepts it without a warning", arguments: PlanExamples.names)
    func nginx(_ name: String) throws {
        try inDirectory { root in
            let configuration = try write(name, below: root)
            let (code, words) = try run(
                "/usr/sbin/nginx", ["-t", "-q", "-c", configuration, "-p", root, "-e", "stderr"])
            let isIncluded = PlanExamples.plan(name).edge.mode == .include
            let lines = words.split(separator: "\n").filter { !isIncluded || !$0.contains("could not build optimal") }
            #expect(code == 0 && lines.isEmpty, "\(words)")
        }
    }

    @Test("gixy finds nothing", arguments: PlanExamples.names)
    func gixy(_ name: String) throws {
        let parts = try #require(ProcessInfo.processInfo.environment["CONVOY_PARTS"])
        try inDirectory { root in
            let report = root + "/report.json"
            let arguments = ["-f", "json", "-o", report, try write(name, below: root)]
            let (_, words) = try run(parts + "/lint/bin/gixy", arguments)
            let found = try Data(contentsOf: URL(fileURLWithPath: report))
            let findings = try JSONSerialization.jsonObject(with: found) as? [[String: Any]]
            let summaries = findings?.compactMap { $0["summary"] ?? $0["description"] }
            #expect(findings?.isEmpty == true, "\(summaries ?? [words])")
        }
    }

    private func inDirectory(_ body: (String) throws -> Void) throws {
        let root = "/tmp/convoy-rendering-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }
        for directory in ["run/convoy/edge", "var/lib/convoy/log", "etc", "tls"] {
            try FileManager.default.createDirectory(
                atPath: "\(root)/\(directory)", withIntermediateDirectories: true)
        }
        try body(root)
    }

    private func write(_ name: String, below root: String) throws -> String {
        let plan = PlanExamples.plan(name, below: root)
        if let tls = plan.edge.tls {
            let made = try run(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=mcp.example.com", "-out", tls.certificate, "-keyout", tls.key,
                ])
            #expect(made.code == 0, "\(made.words)")
            let authority = try Data(contentsOf: URL(fileURLWithPath: tls.certificate))
            try tls.clientCertificates.map { try authority.write(to: URL(fileURLWithPath: $0)) }
            // The shortest OCSP response there is: try later.
            try tls.stapling.map { try Data([0x30, 3, 0x0a, 1, 3]).write(to: URL(fileURLWithPath: $0)) }
        }
        let path = root + "/etc/nginx.conf"
        var text = try EdgeRenderer.render(plan)[0].content
        if plan.edge.mode == .include {
            let included = root + "/etc/convoy-shop.conf"
            try text.write(toFile: included, atomically: true, encoding: .utf8)
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(root)/run;" }
            let around = ["include \(included);"] + temporary
            text = "pid \(root)/pid; events {}\nhttp { \(around.joined(separator: "\n")) }\n"
        }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func run(_ executable: String, _ arguments: [String]) throws -> (code: Int32, words: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let words = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, words)
    }
}
