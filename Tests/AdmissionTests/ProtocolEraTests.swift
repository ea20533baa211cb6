import Fleet
import Foundation
import Testing

@testable import Admission

@Suite("Eras of requests")
struct ProtocolEraTests {
    /// The edge's own patterns, out of its template.
    private static func edgePatterns() throws -> [Regex<AnyRegexOutput>] {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "templates/nginx/edge.conf.mustache"), encoding: .utf8)
        let block = try #require(text.split(separator: "map $http_mcp_protocol_version $convoy_modern {").last)
        return try block.split(separator: "\n").prefix { !$0.hasSuffix("    }") }
            .filter { $0.contains("\"~^") }
            .map { line in try Regex(String(line.split(separator: "\"")[1].dropFirst())) }
    }

    @Test("what is modern to the gate is modern to the edge, which drops the session ids that the gate does not judge")
    func agreesWithTheEdge() throws {
        let patterns = try Self.edgePatterns()
        try #require(!patterns.isEmpty)
        var modern = 0
        for year in ["2025", "2026", "2027", "2029", "2030", "2099", "2100", "2999", "3000", "9999", "1999"] {
            for month in 0...99 {
                for day in 0...99 {
                    let version = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
                    let request = AccessRequest(pools: [], method: "POST", protocolVersion: version)
                    guard request.era == .modern else { continue }
                    modern += 1
                    try #require(patterns.contains { version.firstMatch(of: $0) != nil }, "\(version)")
                }
            }
        }
        // What is left of July 2026 and five months, and eight whole years.
        #expect(modern == 4 + 5 * 31 + 8 * 12 * 31)
    }
}
