import Fleet
import Testing

@testable import Planning

@Suite("CanaryJudge")
struct CanaryJudgeTests {
    private let judge = CanaryJudge(
        CanarySpec(tool: "find", contains: ["\"shop\"", "orders"], excludes: ["not authorized"]))

    @Test("an answer with all that is expected passes")
    func expected() { #expect(judge.fault(error: nil, isError: false, text: "orders of \"shop\"") == nil) }

    @Test("a spec without expectations still refuses errors")
    func bare() {
        let bare = CanaryJudge(CanarySpec(tool: "list"))
        #expect(bare.fault(error: nil, isError: false, text: "") == nil)
        #expect(bare.fault(error: nil, isError: true, text: "boom") == "canary list: the tool reports an error: boom")
        #expect(bare.fault(error: "JSON-RPC error -32603: x", isError: false, text: "") != nil)
    }

    @Test("a JSON-RPC error is the reason")
    func rpcError() {
        let fault = judge.fault(error: "JSON-RPC error -32603: gone", isError: false, text: "orders \"shop\"")
        #expect(fault == "canary find: JSON-RPC error -32603: gone")
    }

    @Test("a refusal that comes as ordinary text fails")
    func refusal() {
        let fault = judge.fault(error: nil, isError: false, text: "orders \"shop\": not authorized on shop")
        #expect(fault?.contains("contains \"not authorized\"") == true)
    }

    @Test("one missing text of several is named")
    func missing() {
        let fault = judge.fault(error: nil, isError: false, text: "only \"shop\" here")
        #expect(fault == "canary find: the answer lacks \"orders\": only \"shop\" here")
    }

    @Test("expected text may be split by nothing and normalised by nobody")
    func bytewise() {
        let accented = CanaryJudge(CanarySpec(tool: "t", contains: ["caf\u{E9}"]))
        #expect(accented.fault(error: nil, isError: false, text: "a caf\u{E9} b") == nil)
        #expect(accented.fault(error: nil, isError: false, text: "a cafe\u{301} b") != nil)
    }

    @Test("a reason is one line, bounded, and can't steer a terminal")
    func excerpt() {
        let hostile = "a\r\nFATAL: forged\u{1B}[31m red\u{202E}\u{0} " + String(repeating: "x", count: 10_000)
        let fault = judge.fault(error: nil, isError: true, text: hostile) ?? ""
        #expect(fault.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E })
        #expect(fault.contains("a FATAL: forged [31m red xxx"))
        #expect(fault.count <= Excerpt.length + 60)
    }

    @Test("an excerpt keeps short text, cuts long text at the limit, and says when there is none")
    func lengths() {
        #expect(Excerpt("two  words\n").description == "two words")
        #expect(Excerpt(" \n").description == "(empty)")
        #expect(Excerpt(String(repeating: "y", count: 200)).description.count == 200)
        #expect(Excerpt(String(repeating: "y", count: 201)).description.count == 203)
        #expect(Excerpt("e" + String(repeating: "\u{301}", count: 5000)).description.unicodeScalars.count < 20)
    }
}
