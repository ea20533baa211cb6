import Fleet
import Testing

@testable import Admission

@Suite("What a request has to do with sessions")
struct SessionUseTests {
    private static func grant(
        external: Bool = false, tags: [String] = ["a1", "b2"], _ spoil: (inout AccessRequest) -> Void
    ) -> Grant? {
        var policy = Sample.policy
        policy.pools[0].sessions = tags
        policy.pools[0].sessionsAreExternal = external
        guard case .admit(let grant) = Sample.decide(Sample.request(spoil), policy: policy) else { return nil }
        return grant
    }

    @Test("a legacy request's session must be held by its caller; the tag names the instance")
    func legacy() {
        let grant = Self.grant { $0.sessionID = "b2.6f0c" }
        #expect(grant?.session == .held("b2.6f0c", ends: false))
        #expect(grant?.sessionGroup == "analytics_b2")
        #expect(Self.grant { _ in }?.session == Grant.SessionUse.none)
    }

    @Test("a modern request's session is nobody's concern, and the edge is told to drop it")
    func modern() {
        let grant = Self.grant { ($0.sessionID, $0.protocolVersion) = ("b2.6f0c", "2026-07-28") }
        #expect(grant?.session == .ignored)
        #expect(grant?.sessionGroup == nil)
        #expect(Self.grant { $0.protocolVersion = "2026-07-28" }?.session == Grant.SessionUse.none)
    }

    @Test("an id that can't be one is refused with the word session", arguments: [" ", "a b", "é", "a\tb", "a, b"])
    func malformed(_ id: String) {
        let decision = Sample.decide(Sample.request { $0.sessionID = id })
        #expect(decision.status == 403)
        #expect(decision.header("X-Convoy-Reason") == "session")
        let long = Sample.decide(Sample.request { $0.sessionID = String(repeating: "x", count: 257) })
        #expect(long.header("X-Convoy-Reason") == "session")
    }

    @Test("where the edge makes the ids, a legacy POST without one gets one, and nothing else does")
    func external() {
        #expect(Self.grant(external: true) { _ in }?.session == .fresh(groups: ["analytics_a1"]))
        #expect(Self.grant(external: true) { $0.method = "GET" }?.session == Grant.SessionUse.none)
        #expect(Self.grant(external: true) { $0.protocolVersion = "2026-07-28" }?.session == Grant.SessionUse.none)
        let ending = Self.grant(external: true) { ($0.sessionID, $0.method) = ("x", "DELETE") }
        #expect(ending?.session == .held("x", ends: true))
    }

    @Test("such a session goes to any fit instance of the active colour, and stays there while it is fit")
    func moving() throws {
        let tags = ["a1", "a2", "a3", "a4", "b1"]
        var moved = 0
        var seen: Set<String> = []
        for number in 0..<400 {
            let id = "session\(number)"
            let before = try #require(Self.grant(external: true, tags: tags) { $0.sessionID = id }?.sessionGroup)
            seen.insert(before)
            let after = Self.grant(external: true, tags: tags.filter { $0 != "a3" }) { $0.sessionID = id }
            #expect(after?.sessionGroup != "analytics_a3")
            if before != "analytics_a3" { #expect(after?.sessionGroup == before) } else { moved += 1 }
        }
        #expect(seen == ["analytics_a1", "analytics_a2", "analytics_a3", "analytics_a4"])
        #expect((40...180).contains(moved), "about a quarter: \(moved)")
        #expect(Self.grant(external: true, tags: ["b1"]) { $0.sessionID = "x" }?.sessionGroup == nil)
    }
}
