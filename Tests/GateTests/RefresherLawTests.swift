import Crypto
import Fleet
import Foundation
import Testing

@testable import Gate

@Suite("Laws of asking", .serialized)
struct RefresherLawTests {
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    @Test("whatever the refresher does, only a token that somebody vouched for in time is admitted", arguments: 1...3)
    func law(_ seed: UInt64) async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            var dice = Dice(state: seed)
            let issuers = [fixture.issuer, RefresherLab.rotated()]
            let tokens = try issuers.map { try RefresherLab.token($0) }
            let forged = try RefresherLab.token(RefresherLab.rotated())
            // When each token's key was fetched last, and when its issuer's word was last to be had.
            var vouched = [GateFixture.now, -.infinity, -.infinity]
            var published = 0
            var isActive = false
            var works = true
            var admitted = 0
            for _ in 0..<200 {
                switch Int.random(in: 0..<8, using: &dice) {
                case 0:
                    published = Int.random(in: 0...1, using: &dice)
                    vouched[published] = fixture.clock.now
                    refresher.publish(issuers[published].url, issuers[published].jwks, fetchedAt: fixture.clock.now)
                case 1:
                    isActive.toggle()
                    refresher.tell("opaque", isActive ? RefresherLab.word() : .object(["active": .bool(false)]))
                case 2:
                    works = Bool.random(using: &dice)
                    refresher.answer(works ? 200 : [0, 404, 503].randomElement(using: &dice) ?? 503)
                case 3: fixture.clock.advance([0.1, 1, 11, 61, 1001].randomElement(using: &dice) ?? 1)
                case 4: await fixture.server.refreshKeys()
                default:
                    if works, isActive { vouched[2] = fixture.clock.now }
                    for (index, token) in (tokens + ["opaque"]).enumerated() {
                        let status = try await fixture.ask(GateFixture.request(token: token))?.status
                        guard status == 204 else { continue }
                        admitted += 1
                        let limit: Double = index == 2 ? 60 : 1000
                        #expect(fixture.clock.now - vouched[index] <= limit, "token \(index)")
                    }
                    for token in [forged, tokens[0] + "AAAA", "other"] {
                        let status = try await fixture.ask(GateFixture.request(token: token))?.status
                        #expect(status == 401 || status == 503)
                    }
                }
            }
            #expect(admitted > 10, "the law must be put to the test")
            #expect(fixture.server.waiterCount == 0)
        }
    }
}
