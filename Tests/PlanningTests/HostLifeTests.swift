import Fleet
import Foundation
import Testing

@testable import Planning

@Suite("Whom a host serves")
struct HostLifeTests {
    @Test("cordoned it keeps its sessions, drained it keeps none, uncordoned it takes everybody")
    func doors() {
        var life = HostLife()
        #expect(life.takesNew && life.keepsSessions)
        life.hear(.cordon)
        #expect(!life.takesNew && life.keepsSessions && life.door == .cordoned)
        life.hear(.drained)
        #expect(!life.takesNew && !life.keepsSessions && life.door == .drained)
        // Who serves nobody must not serve its old sessions again.
        let changed = life.hear(.cordon)
        #expect(!changed && life.door == .drained)
        life.hear(.uncordon)
        #expect(life.door == .open)
    }

    @Test("left behind it serves nobody, whatever the operator wishes of it, until it is welcomed")
    func behind() {
        var life = HostLife()
        life.hear(.leave(rollout: 3))
        life.hear(.uncordon)
        #expect(life.door == .behind && !life.keepsSessions)
        life.hear(.cordon)
        life.hear(.welcome(upTo: 2))
        #expect(life.door == .behind)
        life.hear(.welcome(upTo: 4))
        // What was wished of it meanwhile holds.
        #expect(life.door == .cordoned)
        life.hear(.leave(rollout: 4))
        #expect(life.door == .cordoned)
        life.hear(.leave(rollout: 5))
        #expect(life.door == .behind)
    }

    /// The law, over words that come late, twice, in any order, and restarts between them.
    @Test("it never serves anybody after a rollout left it, before a welcome of who knows that rollout's end")
    func law() throws {
        var dice = SeededDice(state: 20)
        for _ in 0..<3000 {
            var life = HostLife()
            var (left, welcomed) = (0, 0)
            for _ in 0..<Int.random(in: 1..<40, using: &dice) {
                let number = Int.random(in: 1..<12, using: &dice)
                switch Int.random(in: 0..<7, using: &dice) {
                case 0: life.hear(.cordon)
                case 1: life.hear(.drained)
                case 2: life.hear(.uncordon)
                case 3, 4:
                    life.hear(.leave(rollout: number))
                    left = max(left, number)
                case 5:
                    life.hear(.welcome(upTo: number))
                    // One that knows less than the host does opens nothing, and shuts nothing.
                    welcomed = max(welcomed, number)
                default: life = try JSONDecoder().decode(HostLife.self, from: JSONEncoder().encode(life))
                }
                if left > welcomed { #expect(life.door == .behind && !life.takesNew && !life.keepsSessions) }
                #expect((life.door == .behind) == (life.leftBy != nil))
                if let by = life.leftBy { #expect(by > life.heard) }
            }
            life.hear(.welcome(upTo: 12))
            #expect(life.door == life.wish && life.door != .behind)
        }
    }
}

@Suite("Whether a host may be shut")
struct CordonJudgeTests {
    private func host(
        _ name: String, answers: Bool = true, generation: Int? = 2, door: HostDoor = .open, reason: String = ""
    ) -> HostStatus {
        HostStatus(
            name: name, answers: answers, silentSeconds: answers ? nil : 3, reason: reason, generation: generation,
            converged: answers, door: door)
    }

    @Test("as long as another host takes new sessions, and no longer")
    func last() {
        #expect(CordonJudge.objection(to: "a", among: [host("a"), host("b")]) == nil)
        #expect(CordonJudge.objection(to: "a", among: [host("a")]) == "it is the fleet's only host")
        #expect(CordonJudge.objection(to: "a", among: []) == "it is the fleet's only host")
        let others = [
            host("b", door: .cordoned), host("c", door: .drained), host("d", answers: false), host("e", generation: 0),
            host("f", door: .behind), host("g", reason: "it went back"),
        ]
        #expect(
            CordonJudge.objection(to: "a", among: [host("a")] + others)
                == "no other host takes new sessions: b is cordoned, c is drained, d does not answer, "
                + "e serves nothing yet, f is behind, g can't be counted on")
        #expect(CordonJudge.objection(to: "a", among: [host("a")] + others + [host("h")]) == nil)
    }
}
