import Fleet
import Testing

@testable import Admission

@Suite("A part of the callers")
struct TrafficSplitTests {
    private static func callers(_ count: Int) -> [Caller] {
        (0..<count).map { Caller(issuer: "https://login.example.com", subject: "user\($0)") }
    }

    @Test("of many callers about the part that was asked for is taken", arguments: [0.01, 0.1, 0.3, 0.5, 0.9])
    func statistics(_ part: Double) {
        let callers = Self.callers(20_000)
        for seed in [1, 2, 3, 1000, .max] {
            let split = TrafficSplit(part: part, seed: seed)
            let taken = Double(callers.count(where: split.takes)) / Double(callers.count)
            #expect(abs(taken - part) < 0.02, "seed \(seed): \(taken)")
        }
    }

    @Test("nobody is taken by no part, everybody by all")
    func ends() {
        let callers = Self.callers(5000)
        #expect(!callers.contains(where: TrafficSplit(part: 0, seed: 7).takes))
        #expect(callers.allSatisfy(TrafficSplit(part: 1, seed: 7).takes))
    }

    @Test("a part that grows only adds callers; another generation meets others; the same caller gets the same answer")
    func sticky() {
        let callers = Self.callers(5000)
        let parts = [0.05, 0.2, 0.6, 0.95].map { TrafficSplit(part: $0, seed: 2) }
        for caller in callers {
            let taken = parts.map { $0.takes(caller) }
            #expect(taken == taken.sorted { !$0 && $1 }, "\(caller.subject): \(taken)")
            #expect(taken == parts.map { $0.takes(Caller(issuer: caller.issuer, subject: caller.subject)) })
        }
        let (two, three) = (TrafficSplit(part: 0.5, seed: 2), TrafficSplit(part: 0.5, seed: 3))
        let same = callers.count { two.takes($0) == three.takes($0) }
        #expect((2200...2800).contains(same), "\(same)")
        let others = callers.map { Caller(issuer: "https://other.example", subject: $0.subject) }
        let alike = zip(callers, others).count { two.takes($0) == two.takes($1) }
        #expect((2200...2800).contains(alike), "\(alike)")
    }

    private static func policy(_ part: Double, external: Bool = false) -> GatePolicy {
        var policy = Sample.policy
        policy.pools[0].sessions = ["a1", "a2", "b1", "b2", "b3"]
        policy.pools[0].also = GatePolicy.Pool.Also(colour: .b, part: part, seed: 2)
        policy.pools[0].sessionsAreExternal = external
        return policy
    }

    private static func grant(
        _ subject: String, _ policy: GatePolicy, _ spoil: (inout AccessRequest) -> Void = { _ in }
    ) -> Grant? {
        let decision = Sample.decide(Sample.request(spoil), Sample.claims { $0.subject = subject }, policy: policy)
        guard case .admit(let grant) = decision else { return nil }
        return grant
    }

    @Test("new traffic is told the caller's colour, in both eras, again and again")
    func groups() throws {
        let policy = Self.policy(0.3)
        var taken = 0
        for number in 0..<1000 {
            let subject = "user\(number)"
            let group = try #require(Self.grant(subject, policy)?.group)
            taken += group == "analytics_b" ? 1 : 0
            for version in ["2026-07-28", "2025-11-25", ""] {
                #expect(Self.grant(subject, policy) { $0.protocolVersion = version }?.group == group)
            }
        }
        #expect((240...360).contains(taken), "\(taken)")
        #expect(Self.grant("ada", Self.policy(1))?.group == "analytics_b")
        #expect(Self.grant("ada", Self.policy(0))?.group == "analytics_a")
    }

    @Test("a session stays with the instance that its tag names, whoever asks")
    func held() {
        for part in [0, 0.5, 1] {
            for tag in ["a1", "b3"] {
                let grant = Self.grant("ada", Self.policy(part)) { $0.sessionID = tag + ".6f0c" }
                #expect(grant?.sessionGroup == "analytics_" + tag)
            }
        }
    }

    @Test("sessions that any instance can serve go by the same choice")
    func external() throws {
        for number in 0..<200 {
            let subject = "user\(number)"
            let policy = Self.policy(0.5, external: true)
            let colour = try #require(Self.grant(subject, policy)?.group)
            let fresh = colour == "analytics_a" ? ["a1", "a2"] : ["b1", "b2", "b3"]
            #expect(Self.grant(subject, policy)?.session == .fresh(groups: fresh.map { "analytics_" + $0 }))
            let held = Self.grant(subject, policy) { $0.sessionID = "session\(number)" }
            #expect(held?.sessionGroup?.hasPrefix(colour) == true)
        }
    }

    @Test("a DELETE says that its session is needed no more")
    func closes() {
        let ending = Self.grant("ada", Self.policy(0)) { ($0.method, $0.sessionID) = ("DELETE", "a1.x") }
        #expect(ending?.closesSession == true)
        #expect(Self.grant("ada", Self.policy(0)) { $0.sessionID = "a1.x" }?.closesSession == false)
    }

    @Test("a policy whose part makes no sense is not applied")
    func checked() {
        #expect(GatePolicyCheck.fault(in: Self.policy(0.5)) == nil)
        for part in [-0.1, 1.1, .nan, .infinity] { #expect(GatePolicyCheck.fault(in: Self.policy(part)) != nil) }
        var same = Self.policy(0.5)
        same.pools[0].active = .b
        #expect(GatePolicyCheck.fault(in: same) != nil)
        same.pools[0].active = nil
        #expect(GatePolicyCheck.fault(in: same) != nil)
    }
}
