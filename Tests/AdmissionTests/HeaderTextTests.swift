import Fleet
import Testing

@testable import Admission

@Suite("What goes into headers, and which policies are applied")
struct HeaderTextTests {
    @Test("a quoted text can't end its quotes or its line")
    func quoted() {
        #expect(HeaderText.quoted("a\"b\\c\r\nX: y\u{0}é") == #""a\"b\\cX: y""#)
    }

    @Test("subjects stay apart, printable and bounded")
    func visible() {
        #expect(HeaderText.visible("auth0|5f7c", limit: 255) == "auth0|5f7c")
        #expect(HeaderText.visible("a b%\r\né", limit: 255) == "a%20b%25%0D%0A%C3%A9")
        #expect(HeaderText.visible("", limit: 255) == nil)
        #expect(HeaderText.visible(String(repeating: "é", count: 50), limit: 255) == nil)
    }

    @Test("a policy that would loosen the rules is not applied")
    func policies() {
        #expect(GatePolicyCheck.fault(in: Sample.policy) == nil)
        let spoilers: [(inout GatePolicy) -> Void] = [
            { $0.url += "/" }, { $0.url = "mcp.example.com" }, { $0.url += "\r\n" }, { $0.leeway = 301 },
            { $0.leeway = -1 }, { $0.leeway = Seconds(.nan) }, { $0.pools[0].name = "" }, { $0.pools[0].name = "a/b" },
            { $0.pools[0].scope = "" }, { $0.pools[0].scope = "a b" }, { $0.pools[0].scope = "a\"" },
            { $0.pools.append($0.pools[0]) }, { $0.issuers.append($0.issuers[0]) }, { $0.issuers[0].url = "" },
            { $0.pools[0].sessions = ["a1\r\n"] }, { $0.pools[0].tools = ToolRule(.deny, []) },
            { $0.pools[0].tools = ToolRule(.allow, [""]) }, { $0.pools[0].tools = ToolRule(.allow, ["a b"]) },
            { $0.pools[0].clients = [] }, { $0.pools[0].rate = RateLimit(perSecond: 0, burst: 1) },
            { $0.pools[0].rate = RateLimit(perSecond: .nan, burst: 1) },
            { $0.pools[0].rate = RateLimit(perSecond: 1, burst: 0) },
            { $0.issuers[0].algorithms = [] }, { $0.issuers[0].audience = "" }, { $0.issuers[0].scopeClaim = "a b" },
            { $0.issuers[0].staleLimit = -1 }, { $0.issuers[0].staleLimit = Seconds(.nan) },
            { policy in
                policy.issuers[0].introspection = true
                policy.issuers.append(.init(url: "https://b.example.com", keys: .none, introspection: true))
            },
        ]
        for (index, spoil) in spoilers.enumerated() {
            var policy = Sample.policy
            spoil(&policy)
            #expect(GatePolicyCheck.fault(in: policy) != nil, "spoiler \(index)")
        }
    }
}
