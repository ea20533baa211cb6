import Fleet
import Testing

@testable import Admission

@Suite("Which tools may be called")
struct ToolRuleTests {
    private static func decide(
        _ rule: ToolRule, comparesHeaders: Bool = true, _ spoil: (inout AccessRequest) -> Void = { _ in }
    ) -> AdmissionDecision {
        var policy = Sample.policy
        policy.pools[0].tools = rule
        policy.pools[0].comparesHeaders = comparesHeaders
        let request = Sample.request {
            $0.protocolVersion = "2026-07-28"
            $0.mcpMethod = "tools/call"
            $0.mcpName = "find"
            spoil(&$0)
        }
        return Sample.decide(request, policy: policy)
    }

    private static let findOnly = ToolRule(.allow, ["find", "count"])
    private static let noExport = ToolRule(.deny, ["export"])

    @Test("an allowed tool is admitted, another is refused with the word tool and no challenge")
    func allow() {
        #expect(Self.decide(Self.findOnly).isAdmission)
        let refused = Self.decide(Self.findOnly) { $0.mcpName = "aggregate" }
        #expect(refused.status == 403)
        #expect(refused.header("X-Convoy-Reason") == "tool")
        #expect(refused.header("WWW-Authenticate") == nil)
        #expect(refused.caller == Sample.caller, "the audit says who tried")
    }

    @Test("a denied tool is refused in any case of letters, all others are admitted")
    func deny() {
        #expect(Self.decide(Self.noExport).isAdmission)
        for name in ["export", "Export", "EXPORT", "=?base64?ZXhwb3J0?="] {
            #expect(!Self.decide(Self.noExport) { $0.mcpName = name }.isAdmission, "\(name)")
        }
    }

    @Test(
        "names that some server might read as a denied one are refused by either kind of rule",
        arguments: [
            "", " find", "find ", "find\t", "\tfind", "fi\u{0}nd", "find\r\nX: y", "find, export", "find,find",
            "=?BASE64?ZXhwb3J0?=", "=?base64?ZXhwb3J0", "=?base64??=", "=?base64?ZXhwb3J0===?=", "=?base64?ZXhwb3J1?",
            "=?utf-8?B?ZXhwb3J0?=", "=?base64?ZXhwb3J0\n?=", "=?base64?ZX-_?=", "=?base64?gICA?=", "=?base64?Zh==?=",
            "e\u{301}xport", "=?base64?77yl77y477yw77yv77yy77y0?=", "=?base64?IGV4cG9ydA==?=", "=?base64?",
            String(repeating: "x", count: 2000),
        ])
    func oddNames(_ name: String) {
        #expect(!Self.decide(Self.findOnly) { $0.mcpName = name }.isAdmission)
        #expect(!Self.decide(Self.noExport) { $0.mcpName = name }.isAdmission)
    }

    @Test("an allowed name may come in base64, in its one canonical spelling")
    func encoded() {
        #expect(Self.decide(Self.findOnly) { $0.mcpName = "=?base64?ZmluZA==?=" }.isAdmission)
        #expect(!Self.decide(Self.findOnly) { $0.mcpName = "=?base64?ZmluZA?=" }.isAdmission)
        #expect(!Self.decide(Self.findOnly) { $0.mcpName = "Find" }.isAdmission)
    }

    @Test("methods other than tools/call are not limited, whatever name they carry")
    func otherMethods() {
        for method in ["tools/list", "server/discover", "resources/read", "prompts/get", "ping"] {
            #expect(Self.decide(Self.findOnly) { ($0.mcpMethod, $0.mcpName) = (method, "export") }.isAdmission)
        }
    }

    @Test(
        "a method that is missing, malformed, doubled or spelt otherwise does not slip past",
        arguments: [
            "", "tools/list, tools/call", "tools/call,tools/list", "tools/call ", " tools/call", "tools/call\t",
            "TOOLS/CALL", "Tools/Call", "tools%2Fcall", "tools/call;x", "tools\u{2215}call",
        ])
    func oddMethods(_ method: String) {
        #expect(!Self.decide(Self.findOnly) { ($0.mcpMethod, $0.mcpName) = (method, "export") }.isAdmission)
    }

    @Test(
        "headers of a revision that does not oblige the server to compare them are not trusted",
        arguments: [
            "", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-27", "DRAFT-2026-v1", "2026-7-28", "2026-07-28 ",
            " 2026-07-28", "2026-07-28, 2025-11-25", "2025-11-25, 2026-07-28", "20260728", "9999", "2026-07-281",
            "２０２６-07-28", "2026/07/28", "2026-99-99",
            "2026-13-01", "2026-08-00", "2026-08-32", "2027-00-10",
        ])
    func versions(_ version: String) {
        let refused = Self.decide(Self.findOnly) { $0.protocolVersion = version }
        #expect(refused.header("X-Convoy-Reason") == "tool")
        let limited = ToolRule(.allow, ["find"], legacyTools: .limited)
        let admitted = Self.decide(limited) { ($0.protocolVersion, $0.mcpName) = (version, "anything") }
        #expect(admitted.isAdmission)
    }

    @Test("a later revision is as good as the first modern one")
    func later() {
        #expect(Self.decide(Self.findOnly) { $0.protocolVersion = "2027-01-15" }.isAdmission)
    }

    @Test("what a server does not compare is not trusted, even when the client claims the modern era")
    func server() {
        #expect(!Self.decide(Self.findOnly, comparesHeaders: false).isAdmission)
        let limited = ToolRule(.allow, ["find"], legacyTools: .limited)
        #expect(Self.decide(limited, comparesHeaders: false) { $0.mcpName = "export" }.isAdmission)
        #expect(!Self.decide(limited) { $0.mcpName = "export" }.isAdmission, "modern calls are still judged")
    }

    @Test("GET and DELETE carry no call: of the modern era the server refuses them, of the legacy era the rule")
    func otherVerbs() {
        for method in ["GET", "DELETE"] {
            #expect(Self.decide(Self.findOnly) { ($0.method, $0.mcpMethod, $0.mcpName) = (method, "", "") }.isAdmission)
            #expect(!Self.decide(Self.findOnly) { ($0.method, $0.protocolVersion) = (method, "") }.isAdmission)
        }
    }

    @Test("without a rule nothing of this is looked at")
    func noRule() {
        #expect(Sample.decide(Sample.request { $0.mcpMethod = "tools/call" }).isAdmission)
    }

    @Test("whoever brings no good token learns nothing of the rule")
    func order() {
        var policy = Sample.policy
        policy.pools[0].tools = Self.findOnly
        let bare = Sample.decide(Sample.request { $0.authorization = [] }, policy: policy)
        #expect(bare.status == 401)
        let unscoped = Sample.decide(Sample.request, Sample.claims { $0.scopes = [] }, policy: policy)
        #expect(unscoped.header("X-Convoy-Reason") == "scope")
    }
}
