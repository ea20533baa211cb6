import Testing

@testable import Admission

@Suite("Who waits for the refresher")
struct InquiryMachineTests {
    private static let keys = InquiryMachine.Question.keys(issuer: "https://a.example.com")
    private static func token(_ number: UInt8) -> InquiryMachine.Question {
        .introspection(token: TokenDigest([UInt8](repeating: number, count: 32)))
    }

    @Test("one question is asked however many wait for it, and its answer lets all of them go")
    func coalesced() {
        var machine = InquiryMachine()
        #expect(machine.handle(.wanted(Self.keys, by: 1), now: 0) == [.ask(Self.keys)])
        #expect(machine.handle(.wanted(Self.keys, by: 2), now: 1) == [])
        #expect(machine.handle(.wanted(Self.token(1), by: 3), now: 1) == [.ask(Self.token(1))])
        #expect(machine.handle(.answered(Self.keys), now: 1) == [.release(1), .release(2)])
        #expect(machine.waiterCount == 1 && machine.questionCount == 1)
    }

    @Test("after an answer about keys nobody asks again for a second, unless the clock was set back")
    func pause() {
        var machine = InquiryMachine(pause: 1)
        _ = machine.handle(.wanted(Self.keys, by: 1), now: 100)
        _ = machine.handle(.answered(Self.keys), now: 101)
        #expect(machine.handle(.wanted(Self.keys, by: 2), now: 101.9) == [.release(2)])
        let other = InquiryMachine.Question.keys(issuer: "https://b.example.com")
        #expect(machine.handle(.wanted(other, by: 3), now: 101.9) == [.ask(other)])
        #expect(machine.handle(.wanted(Self.keys, by: 4), now: 102) == [.ask(Self.keys)])
        _ = machine.handle(.answered(Self.keys), now: 102)
        #expect(machine.handle(.wanted(Self.keys, by: 5), now: 50) == [.ask(Self.keys)])
    }

    @Test("no more wait than the limit, and a flood of opaque tokens leaves room for keys")
    func bounded() {
        var machine = InquiryMachine(limit: 4)
        for number in 0..<4 {
            #expect(machine.handle(.wanted(Self.token(UInt8(number)), by: number), now: 0).count == 1)
        }
        #expect(machine.handle(.wanted(Self.token(9), by: 4), now: 0) == [.release(4)])
        #expect(machine.handle(.wanted(Self.token(0), by: 5), now: 0) == [.release(5)])
        #expect(machine.handle(.wanted(Self.keys, by: 6), now: 0) == [.ask(Self.keys)])
        // Who leaves makes room to wait, but their questions are still out.
        #expect(machine.handle(.left(0), now: 0) == [])
        #expect(machine.handle(.wanted(Self.token(9), by: 7), now: 0) == [.release(7)])
        #expect(machine.handle(.wanted(Self.token(1), by: 8), now: 0) == [])
        #expect(machine.handle(.answered(Self.token(0)), now: 0) == [])
        _ = machine.handle(.left(8), now: 0)
        #expect(machine.handle(.wanted(Self.token(9), by: 9), now: 0) == [.ask(Self.token(9))])
    }

    @Test("in any order of events each waiter is let go once, and nothing is left behind", arguments: 0..<8)
    func law(_ seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        var machine = InquiryMachine(limit: 6, pause: 1)
        var waiting: Set<Int> = []
        var asked: Set<InquiryMachine.Question> = []
        var next = 0
        var now: Double = 0
        func apply(_ actions: [InquiryMachine.Action], just waiter: Int? = nil) throws {
            for action in actions {
                switch action {
                case .ask(let question): try #require(asked.insert(question).inserted, "asked twice at once")
                case .release(let number): try #require(waiting.remove(number) != nil, "let go twice, or a stranger")
                }
            }
        }
        for _ in 0..<20_000 {
            now += Double.random(in: -0.5...1, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let question =
                    Bool.random(using: &random)
                    ? InquiryMachine.Question.keys(issuer: "\(Int.random(in: 0..<3, using: &random))")
                    : Self.token(UInt8.random(in: 0..<20, using: &random))
                next += 1
                waiting.insert(next)
                try apply(machine.handle(.wanted(question, by: next), now: now))
            case 5..<8:
                guard let question = asked.randomElement(using: &random) else { continue }
                asked.remove(question)
                try apply(machine.handle(.answered(question), now: now))
            case 8: try apply(machine.handle(.answered(Self.token(99)), now: now))
            default:
                let leaver = waiting.randomElement(using: &random) ?? -1
                waiting.remove(leaver)
                try apply(machine.handle(.left(leaver), now: now))
            }
            try #require(machine.waiterCount == waiting.count)
            try #require(machine.questionCount == asked.count)
            try #require(waiting.count <= 12 && asked.count <= 9)
        }
        for question in asked { try apply(machine.handle(.answered(question), now: now)) }
        #expect(waiting.isEmpty && machine.waiterCount == 0 && machine.questionCount == 0)
        // Whoever comes now finds all the room there was.
        for number in 0..<6 {
            #expect(machine.handle(.wanted(Self.token(UInt8(number)), by: next + 1 + number), now: now).count == 1)
        }
    }
}
