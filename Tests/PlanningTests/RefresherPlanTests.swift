import Fleet
import Foundation
import Planning
import Testing

@Suite("RefresherPlan")
struct RefresherPlanTests {
    private func plan(_ change: (inout RefresherPlan) -> Void = { _ in }) -> RefresherPlan {
        var plan = RefresherPlan(
            revision: 3, listen: "/run/convoy/refresher.sock",
            issuers: [
                .init(url: "https://login.example.com", keys: .discover),
                .init(
                    url: "https://b.example/tenant/", keys: .url("https://b.example/keys?p=1"),
                    introspection: .init(endpoint: .discover, clientID: "convoy", secretFile: "/etc/secret")),
                .init(url: "http://127.0.0.1:8080", keys: .url("http://[::1]:8081/keys")),
            ])
        change(&plan)
        return plan
    }

    @Test("a plan survives its file")
    func roundTrip() throws {
        let text = try StableJSON.text(plan())
        #expect(try JSONDecoder().decode(RefresherPlan.self, from: Data(text.utf8)) == plan())
        #expect(text.contains("\"keys\" : \"discover\""))
    }

    @Test("what a short plan leaves out has its default")
    func defaults() throws {
        let text = #"{"revision": 1, "issuers": [{"url": "https://a.example", "keys": "https://a.example/keys"}]}"#
        let plan = try JSONDecoder().decode(RefresherPlan.self, from: Data(text.utf8))
        #expect(
            plan
                == RefresherPlan(
                    revision: 1, issuers: [.init(url: "https://a.example", keys: .url("https://a.example/keys"))],
                    staleLimit: 86400, forcedEvery: 30))
    }

    @Test("a good plan has no fault")
    func good() { #expect(RefresherPlanCheck.fault(in: plan()) == nil) }

    @Test(
        "a plan that could let somebody else speak for an issuer is refused",
        arguments: [
            ("http://login.example.com", "not https"), ("https://user:pw@a.example", "user or password"),
            ("https://a.example?x=1", "no query"), ("https://a.example#x", "fragment"), ("ftp://a.example", "no http"),
            ("https://a.example/\u{212A}", "character"), ("", "no URL"), ("http://127.0.0.1.example", "not https"),
        ])
    func badIssuer(url: String, why: String) throws {
        let fault = try #require(RefresherPlanCheck.fault(in: plan { $0.issuers[0].url = url }))
        #expect(fault.contains(why) && !fault.contains("pw"))
    }

    @Test("other faults are named")
    func faults() {
        let cases: [(String, (inout RefresherPlan) -> Void)] = [
            ("twice", { $0.issuers[2] = $0.issuers[0] }),
            ("not https", { $0.issuers[0].keys = .url("http://a.example/keys") }),
            ("not https", { $0.issuers[1].introspection?.endpoint = .url("http://a.example/x") }),
            ("clientID", { $0.issuers[1].introspection?.clientID = "a\nb" }),
            ("secretFile", { $0.issuers[1].introspection?.secretFile = "secret" }),
            ("neither", { $0.issuers[0].keys = nil }),
            ("staleLimit", { $0.staleLimit = 599 }), ("staleLimit", { $0.staleLimit = Seconds(.nan) }),
            ("forcedEvery", { $0.forcedEvery = 0 }), ("absolute", { $0.ca = "ca.pem" }),
            ("more than 64", { $0.issuers += Array(repeating: $0.issuers[0], count: 64) }),
        ]
        for (why, change) in cases {
            let fault = RefresherPlanCheck.fault(in: plan(change))
            #expect(fault?.contains(why) == true, "\(why): \(fault ?? "no fault")")
        }
    }

    @Test(
        "metadata is looked for where MCP clients look for it",
        arguments: [
            (
                "https://a.example",
                [
                    "https://a.example/.well-known/oauth-authorization-server",
                    "https://a.example/.well-known/openid-configuration",
                ]
            ),
            (
                "https://a.example/",
                [
                    "https://a.example/.well-known/oauth-authorization-server",
                    "https://a.example/.well-known/openid-configuration",
                ]
            ),
            (
                "https://a.example:8443/t/v2.0",
                [
                    "https://a.example:8443/.well-known/oauth-authorization-server/t/v2.0",
                    "https://a.example:8443/.well-known/openid-configuration/t/v2.0",
                    "https://a.example:8443/t/v2.0/.well-known/openid-configuration",
                ]
            ),
        ])
    func wellKnown(issuer: String, places: [String]) throws {
        #expect(WellKnown.candidates(issuer: issuer, try WebURL(parsing: issuer)) == places)
    }

    @Test(
        "a URL that only looks trusted is refused",
        arguments: [
            "http://a.example/keys", "http://localhost.example/", "https://a.example/k?x=<y>", "https://a.example/k?#",
            "https://127.0.0.1@a.example/", "https://a.example/k?a b", "//a.example", "https://",
            "https://a.example/" + String(repeating: "k", count: 2100),
        ])
    func untrusted(text: String) { #expect(throws: Problem.self) { try TrustedURL(parsing: text) } }

    @Test("plain http is for this machine, and only where that is allowed")
    func loopback() throws {
        #expect(try TrustedURL(parsing: "http://127.0.0.1:1/k?x=y").description == "http://127.0.0.1:1/k?x=y")
        #expect(throws: Problem.self) { try TrustedURL(parsing: "http://127.0.0.1:1/k", plainLoopback: false) }
    }
}
