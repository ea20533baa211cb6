/// Who waits for which answer. One question of a kind is open at a time, however many wait for it; who
/// may not wait is let go at once and has to do with what is known. Knows nothing of tokens' worth: a
/// request that is let go is decided anew, without asking.
package struct InquiryMachine: Sendable {
    package enum Question: Hashable, Sendable {
        /// All keys of an issuer.
        case keys(issuer: String)
        case introspection(token: TokenDigest)
    }

    package enum Event: Sendable {
        case wanted(Question, by: Int)
        /// With a good answer or without one.
        case answered(Question)
        /// The waiting request is gone.
        case left(Int)
    }

    package enum Action: Sendable, Equatable {
        case ask(Question)
        case release(Int)
    }

    /// Of each kind, so that a flood of opaque tokens leaves room for new keys.
    private let limit: Int
    /// Seconds between an answer about an issuer's keys and the next question.
    private let pause: Double
    private var open: [Question: [Int]] = [:]
    private var waiting: [Int: Question] = [:]
    private var openTokens = 0
    private var waitingForTokens = 0
    private var answeredAt: [String: Double] = [:]

    package init(limit: Int = 128, pause: Double = 1) {
        self.limit = limit
        self.pause = pause
    }

    package var waiterCount: Int { waiting.count }
    package var questionCount: Int { open.count }

    /// `now` in seconds since 1970. A waiter's number is used once.
    package mutating func handle(_ event: Event, now: Double) -> [Action] {
        switch event {
        case .wanted(let question, let waiter): wanted(question, waiter, now)
        case .answered(let question): answered(question, now)
        case .left(let waiter): left(waiter)
        }
    }

    private mutating func wanted(_ question: Question, _ waiter: Int, _ now: Double) -> [Action] {
        guard waiting[waiter] == nil, hasRoom(question), isTime(for: question, now) else { return [.release(waiter)] }
        let isNew = open[question] == nil
        open[question, default: []].append(waiter)
        waiting[waiter] = question
        if question.isToken {
            waitingForTokens += 1
            if isNew { openTokens += 1 }
        }
        return isNew ? [.ask(question)] : []
    }

    private func hasRoom(_ question: Question) -> Bool {
        if question.isToken {
            // Questions outlive the requests that have left.
            return waitingForTokens < limit && (openTokens < limit || open[question] != nil)
        }
        return waiting.count - waitingForTokens < limit
    }

    private func isTime(for question: Question, _ now: Double) -> Bool {
        guard case .keys(let issuer) = question, open[question] == nil, let last = answeredAt[issuer] else {
            return true
        }
        // A clock that was set back must not silence us until it has caught up.
        return now >= last + pause || now < last
    }

    private mutating func answered(_ question: Question, _ now: Double) -> [Action] {
        guard let waiters = open.removeValue(forKey: question) else { return [] }
        switch question {
        case .keys(let issuer): answeredAt[issuer] = now
        case .introspection:
            openTokens -= 1
            waitingForTokens -= waiters.count
        }
        for waiter in waiters { waiting[waiter] = nil }
        return waiters.map { .release($0) }
    }

    private mutating func left(_ waiter: Int) -> [Action] {
        guard let question = waiting.removeValue(forKey: waiter) else { return [] }
        open[question]?.removeAll { $0 == waiter }
        if question.isToken { waitingForTokens -= 1 }
        return []
    }
}

extension InquiryMachine.Question {
    fileprivate var isToken: Bool { if case .introspection = self { true } else { false } }
}

/// SHA-256 of a token: what it is known by wherever something is remembered of it.
package struct TokenDigest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// From 32 bytes; what is missing counts as zero. Not generic: this runs once per request.
    package init(_ bytes: UnsafeRawBufferPointer) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(32))) }
        self.words = words
    }

    package init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { TokenDigest($0) } }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
