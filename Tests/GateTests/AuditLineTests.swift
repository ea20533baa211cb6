import Foundation
import Synchronization
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

    @Test("as an entry of the journal it is the same line, with what people look for as fields")
    func journal() throws {
        let line = AuditLine(
            at: 0,
            [
                ("event", .text("decision")), ("requestId", .text("r1")), ("pool", .text("shop")),
                ("subject", .text("a\"\\\n\u{1F6A2}")), ("decision", .number(403)), ("reason", .text("scope")),
                ("session", .text("x")), ("tool", .text("find")), ("client", .text("")),
            ])
        let entry = AuditEntry(line: line.bytes.dropLast())
        #expect(entry.message + "\n" == Self.text(line))
        #expect(
            entry.fields == [
                "CONVOY_EVENT": "decision", "CONVOY_REQUEST_ID": "r1", "CONVOY_POOL": "shop",
                "CONVOY_SUBJECT": "a\"\\\n\u{1F6A2}", "CONVOY_DECISION": "403", "CONVOY_REASON": "scope",
                "CONVOY_TOOL": "find",
            ])
        #expect(entry.isRefusal)
        #expect(!AuditEntry(line: AuditLine(at: 0, [("decision", .number(204))]).bytes.dropLast()).isRefusal)
    }

    @Test("whatever is cut off or no line of ours makes an entry without a crash")
    func odd() {
        let line = AuditLine(at: 0, [("subject", .text("\u{1}")), ("decision", .number(1))]).bytes
        for end in 0..<line.count { #expect(AuditEntry(line: line.prefix(end)).message.utf8.count == end) }
        #expect(AuditEntry(line: Array("Fatal error".utf8)[...]).fields.isEmpty)
    }

    @Test("all lines of a batch arrive at the journal, in order")
    func batches() async {
        let sent = Mutex<[String]>([])
        let log = AuditLog.journal { entry in sent.withLock { $0.append(entry.fields["CONVOY_EVENT"] ?? "") } }
        for number in 0..<50 { log.note("n\(number)") }
        await log.flush()
        #expect(sent.withLock { $0 } == (0..<50).map { "n\($0)" })
    }
}
