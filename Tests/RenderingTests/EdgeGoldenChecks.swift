import Fleet
import Foundation
import Testing

@testable import Rendering

@Suite(
    "Rendered configurations before the real judges (real parts)",
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct EdgeGoldenChecks {
    @Test("nginx -t accepts it without a warning", arguments: PlanExamples.names)
    func nginx(_ name: String) throws {
        try inDirectory { root in
            let configuration = try write(name, below: root)
            let (code, words) = try run(
                "/usr/sbin/nginx", ["-t", "-q", "-c", configuration, "-p", root, "-e", "stderr"])
            #expect(code == 0 && words.isEmpty, "\(words)")
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
        }
        let path = root + "/etc/nginx.conf"
        try EdgeRenderer.render(plan)[0].content.write(toFile: path, atomically: true, encoding: .utf8)
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
