import Foundation
import Testing

@testable import Gate

@Suite("Lines of the audit")
struct AuditLineTests {
    private static func text(_ line: AuditLine) -> String { String(decoding: line.bytes, as: UTF8.self) }

    @Test("a line says when, to the millisecond, as the calendar has it")
    func time() {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for day in stride(from: -100_000.0, to: 400_000, by: 97) {
            let at = day * 86_400 + 12_345.25
            let expected = Date(timeIntervalSince1970: at).formatted(style)
            #expect(Self.text(AuditLine(at: at, [])) == "{\"ts\":\"\(expected)\"}\n")
        }
    }

    @Test("a client's text can't end a line or a string, and is no longer than 256 characters")
    func escaping() throws {
        for text in ["a\nb", "\"}", "\\", "\u{0}", "é", "\u{1F6A2}", String(repeating: "x", count: 10_000)] {
            let line = Self.text(AuditLine(at: 0, [("client", .text(text)), ("count", .number(-3))]))
            #expect(line.utf8.count { $0 == 0x0a } == 1 && line.utf8.last == 0x0a)
            let read = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(read?["client"] as? String == String(text.prefix(256)) && read?["count"] as? Int == -3)
        }
    }
}
