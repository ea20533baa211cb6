import Fleet
import Planning
import Testing

@Suite("Ledger move: what comes next")
struct LedgerMoveJudgeTests {
    private static let standings: [LedgerStanding] = [
        .empty, .serving, .arriving("a"), .arriving("b"), .left("a"), .left("b"),
    ]

    @Test("it is copied only from where it may serve, and only to where none serves")
    func copies() {
        for source in Self.standings {
            for target in Self.standings {
                let step = LedgerMoveJudge.next(from: source, to: target, at: .mongodb)
                let isAllowed = [.empty, .serving].contains(source) && target != .serving
                #expect((step == .copy) == isAllowed, "\(source) \(target)")
            }
        }
    }

    @Test("it is opened only by the ticket by which the other was left")
    func opens() {
        #expect(LedgerMoveJudge.next(from: .left("a"), to: .arriving("a"), at: .file) == .open("a"))
        for target in Self.standings where target != .arriving("a") {
            let step = LedgerMoveJudge.next(from: .left("a"), to: target, at: .file)
            if case .open = step { Issue.record("\(target)") }
        }
    }

    @Test("two that serve are for a person to judge; a refusal says why")
    func refusals() {
        guard case .refuse(let why) = LedgerMoveJudge.next(from: .serving, to: .serving, at: .mongodb) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(why.contains("both"))
        guard case .refuse(let other) = LedgerMoveJudge.next(from: .arriving("a"), to: .left("a"), at: .mongodb) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(other.contains("--to file"))
    }

    @Test("run twice, nothing happens the second time")
    func twice() {
        for source in [LedgerStanding.empty, .left("a")] {
            #expect(LedgerMoveJudge.next(from: source, to: .serving, at: .file) == .nothing)
        }
    }
}
