import Fleet
import Testing

@testable import Planning

@Suite("PruneJudge")
struct PruneJudgeTests {
    private func plan(_ number: Int, _ digit: Character) throws -> GenerationPlan {
        try PlanSamples.planner(digest: digit).plan(number: number, current: nil)
    }

    @Test("what serves, what rollback needs, what a rollout brings up, what runs and what is locked is kept")
    func reasons() throws {
        let locked = LockedRelease(
            reference: ReleaseReference(kind: .pypi, name: "tiny", version: "5.0.0"), constraints: [], platform: "",
            packages: [], digest: try PlanSamples.digest("5"))
        let judge = PruneJudge(
            current: try plan(3, "3"), previous: try plan(2, "2"), next: try plan(4, "4"),
            running: [try plan(3, "3"), try plan(1, "1")], lock: ReleaseLock(releases: [locked]))
        let kept = try "0123456".map { judge.reasons(try PlanSamples.digest($0)) }
        #expect(kept == [[], [.runs], [.previous], [.serves], [.next], [.locked], []])
    }

    @Test("one release may be kept for many reasons, and is gone only without any")
    func many() throws {
        let one = try plan(1, "a")
        let judge = PruneJudge(current: one, previous: one, next: one, running: [one], lock: ReleaseLock())
        #expect(judge.reasons(one.release.digest) == [.serves, .previous, .next])
        #expect(
            PruneJudge(current: nil, previous: nil, next: nil, running: [], lock: ReleaseLock())
                .reasons(one.release.digest).isEmpty)
    }
}
