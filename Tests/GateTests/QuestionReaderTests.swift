import Testing

@testable import Gate

@Suite("Reading the edge's questions")
struct QuestionReaderTests {
    private static func read(_ text: String) throws -> Question? {
        try Array(text.utf8).withUnsafeBytes { try QuestionReader.first(in: $0) }
    }

    private static let whole =
        "GET /authorize HTTP/1.1\r\nHost: mcp.example.com\r\nX-Convoy-Pool: analytics\r\nX-CONVOY-METHOD:POST\r\n"
        + "Authorization: Bearer abc\r\nMcp-Session-Id:  a1.x \t\r\nAccept: */*\r\n\r\n"

    @Test("a question's fields are those of the contract, in any case of letters, without blanks around them")
    func fields() throws {
        let question = try #require(try Self.read(Self.whole + "GET /next"))
        #expect(question.aim == .authorize && !question.isLast && question.size == Self.whole.utf8.count)
        #expect(question.access.pools == ["analytics"] && question.access.method == "POST")
        #expect(question.access.authorization == ["Bearer abc"] && question.access.sessionID == "a1.x")
        #expect(question.access.host == "mcp.example.com" && question.access.origins.isEmpty)
    }

    @Test("a question that is not whole yet is none")
    func partial() throws {
        let bytes = Array(Self.whole.utf8)
        for count in 0..<bytes.count {
            try bytes[..<count].withUnsafeBytes { part in
                let question = try QuestionReader.first(in: part)
                #expect(question == nil, "\(count)")
            }
        }
    }

    @Test("a header that comes twice never makes a value that a rule takes")
    func twice() throws {
        let question = try #require(
            try Self.read(
                "GET /authorize HTTP/1.1\r\nMcp-Name: \r\nMcp-Name: drop\r\nOrigin: a\r\nOrigin: b\r\n"
                    + "X-Convoy-Pool: a\r\nx-convoy-pool: b\r\n\r\n"))
        #expect(question.access.mcpName == ", drop" && question.access.origins == ["a", "b"])
        #expect(question.access.pools == ["a", "b"])
    }

    @Test(
        "what nginx would never send is not guessed at",
        arguments: [
            "\r\n", "GET /authorize\r\n", "GET  /authorize HTTP/1.1\r\n", "GET /authorize HTTP/2.0\r\n",
            "GET authorize HTTP/1.1\r\n", " GET /authorize HTTP/1.1\r\n", "GET /authorize HTTP/1.1 \r\n",
            "GET /authorize HTTP/1.1\nHost: x\r\n", "GET /auth\u{0}orize HTTP/1.1\r\n",
            "GET /authorize HTTP/1.1\r\nHost : x\r\n", "GET /authorize HTTP/1.1\r\n Host: x\r\n",
            "GET /authorize HTTP/1.1\r\nHost: x\r\n folded\r\n", "GET /authorize HTTP/1.1\r\nno colon\r\n",
            "GET /authorize HTTP/1.1\r\n: x\r\n", "GET /authorize HTTP/1.1\r\nHost: a\rb\r\n",
            "GET /authorize HTTP/1.1\r\nHost: a\nOrigin: b\r\n", "GET /authorize HTTP/1.1\r\nHost: a\u{7f}\r\n",
            "GET /authorize HTTP/1.1\r\nContent-Length: 1\r\n", "GET /authorize HTTP/1.1\r\nContent-Length: 00\r\n",
            "GET /authorize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        ])
    func malformed(_ head: String) {
        #expect(throws: QuestionReader.Malformed.self) { try Self.read(head + "\r\n") }
    }

    @Test(
        "control characters in what is the client's own are told of, and the value is not taken",
        arguments: ["Authorization", "Origin", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "MCP-Protocol-Version"])
    func odd(_ name: String) throws {
        for character in ["\u{1}", "\u{8}", "\u{b}", "\u{1b}", "\u{7f}"] {
            let question = try #require(
                try Self.read("GET /authorize HTTP/1.1\r\nX-Convoy-Pool: a\r\n\(name): b\(character)c\r\n\r\n"))
            #expect(question.isOdd && question.access.pools == ["a"])
            #expect(question.access.authorization.isEmpty && question.access.origins.isEmpty)
            #expect(question.access.sessionID.isEmpty && question.access.mcpName.isEmpty)
        }
        for character in ["\u{0}", "\r"] {
            #expect(throws: QuestionReader.Malformed.self) {
                try Self.read("GET /authorize HTTP/1.1\r\n\(name): b\(character)c\r\n\r\n")
            }
        }
    }

    @Test("bytes of chance are refused, or are a question no longer than they are")
    func chance() {
        var dice = RefresherLawTests.Dice(state: 7)
        let parts = [
            "GET ", "/authorize", " HTTP/1.1", "\r\n", "\r", "\n", ":", "Host", "Authorization: x", " ", "\u{0}",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0..<14, using: &dice)).map { _ in parts.randomElement(using: &dice) ?? "" }
            let bytes = Array(text.joined().utf8)
            guard let question = try? bytes.withUnsafeBytes({ try QuestionReader.first(in: $0) }) else { continue }
            #expect(question.size <= bytes.count && question.size >= 4)
        }
    }
}
