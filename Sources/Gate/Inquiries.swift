import Admission
import NIOCore
import Synchronization

/// A question that has to be put to the refresher, and how.
struct Inquiry: Sendable {
    let question: InquiryMachine.Question
    /// Asks, and remembers the answer where the next look will find it.
    let perform: @Sendable () -> EventLoopFuture<Void>
}

/// Acts for the machine: who waits, and what happens when the waiting is over.
final class Inquiries: Sendable {
    private struct State: Sendable {
        var machine = InquiryMachine()
        var resumptions: [Int: @Sendable () -> Void] = [:]
        var numbers = 0
    }

    private let clock: @Sendable () -> Double
    private let state = Mutex(State())

    init(clock: @escaping @Sendable () -> Double) { self.clock = clock }

    var waiterCount: Int { state.withLock { $0.resumptions.count } }

    /// A number to leave with, or nil when there is nothing to wait for. Unless it leaves, `resume` is
    /// called once, when there is an answer or there will be none.
    func wait(for inquiry: Inquiry, resume: @escaping @Sendable () -> Void) -> Int? {
        let now = clock()
        let (number, actions) = state.withLock { state in
            state.numbers += 1
            let actions = state.machine.handle(.wanted(inquiry.question, by: state.numbers), now: now)
            if !actions.contains(.release(state.numbers)) { state.resumptions[state.numbers] = resume }
            return (state.numbers, actions)
        }
        if actions.contains(.release(number)) { return nil }
        if actions.contains(.ask(inquiry.question)) {
            inquiry.perform().whenComplete { _ in self.answered(inquiry.question) }
        }
        return number
    }

    func leave(_ number: Int) {
        state.withLock { state in
            state.resumptions[number] = nil
            _ = state.machine.handle(.left(number), now: 0)
        }
    }

    private func answered(_ question: InquiryMachine.Question) {
        let now = clock()
        let resumptions = state.withLock { state in
            state.machine.handle(.answered(question), now: now).compactMap { action in
                if case .release(let number) = action { state.resumptions.removeValue(forKey: number) } else { nil }
            }
        }
        for resume in resumptions { resume() }
    }
}
