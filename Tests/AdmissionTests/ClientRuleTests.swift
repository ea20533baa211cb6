import Fleet
import Testing

@testable import Admission

@Suite("Where clients may come from")
struct ClientRuleTests {
    private static func decide(_ client: String, _ blocks: [String]) throws -> AdmissionDecision {
        var policy = Sample.policy
        policy.pools[0].clients = try blocks.map { try AddressBlock(parsing: $0) }
        return Sample.decide(Sample.request { $0.client = client }, policy: policy)
    }

    @Test(
        "an address inside is admitted, however it is spelt",
        arguments: [
            "10.1.2.3", "10.255.255.255", "::ffff:10.1.2.3", "::FFFF:a01:203", "2001:db8::1", "2001:DB8:0:0::9",
        ])
    func inside(_ client: String) throws {
        #expect(try Self.decide(client, ["10.0.0.0/8", "2001:db8::/32"]).isAdmission)
    }

    @Test(
        "an address outside, none, and what is no address are refused with the word client",
        arguments: [
            "11.0.0.1", "9.255.255.255", "2001:db9::1", "::10.1.2.3", "::1", "", " ", "unix:", "10.1.2", "10.1.2.3.4",
            "010.1.2.3", "10.1.2.3, 10.1.2.4", "10.1.2.3 ", "10.1.2.256", "0x0a.1.2.3", "167838211", "fe80::1%eth0",
            "2001:db8::1::2", "10.1.2.3:443", "[2001:db8::1]", "localhost", "1０.1.2.3",
        ])
    func outside(_ client: String) throws {
        let decision = try Self.decide(client, ["10.0.0.0/8", "2001:db8::/32"])
        #expect(decision.status == 403)
        #expect(decision.header("X-Convoy-Reason") == "client")
    }

    @Test("all of one family is not the other one")
    func families() throws {
        #expect(try Self.decide("10.1.2.3", ["0.0.0.0/0"]).isAdmission)
        #expect(try !Self.decide("10.1.2.3", ["::/0"]).isAdmission)
        #expect(try !Self.decide("::ffff:10.1.2.3", ["::/0"]).isAdmission)
        #expect(try !Self.decide("2001:db8::1", ["0.0.0.0/0"]).isAdmission)
    }

    @Test("refused before any token is looked at, and not asked at all where there is no rule")
    func order() throws {
        var policy = Sample.policy
        policy.pools[0].clients = [try AddressBlock(parsing: "10.0.0.0/8")]
        let request = Sample.request { ($0.client, $0.authorization) = ("11.0.0.1", []) }
        #expect(Sample.decide(request, policy: policy).status == 403)
        #expect(Sample.decide(Sample.request { $0.client = "" }).isAdmission)
    }
}
