import Fleet
import Planning
import Ports

/// The supervisors of several hosts as if they were one: each gets its slice of a plan, and their reports are one
/// report. What has to be the same everywhere is asked of all at once, and is done everywhere or nowhere.
package actor HostsControl {
    struct Member {
        let name: String
        let control: any FleetControl
        var report: StatusReport?
        /// When it answered last; nil = never.
        var heardAt: Double?
        /// When it was last told something by which it stays on trial.
        var wordAt: Double?
        /// It has not answered such a word: it may still be on its way, and another one could add to it.
        var owesAnswer = false
        /// Why it can't be counted on for the generation that is on trial.
        var fault: String?
    }

    package struct Settings: Sendable {
        /// How long a host stays on trial without a word.
        package var patience: Seconds
        /// After which a host that says nothing is taken to be lost.
        package var silence: Seconds
        /// How long a question that needs no work may take.
        package var answer: Seconds
        /// Hosts asked at a time.
        package var width: Int

        package init(patience: Seconds = 6, silence: Seconds = 8, answer: Seconds = 5, width: Int = 64) {
            self.patience = patience
            self.silence = silence
            self.answer = answer
            self.width = width
        }
    }

    var members: [Member]
    /// Left out for now.
    private var aside: [Member] = []
    private let order: [String]
    let time: any Timepiece
    let progress: any Progress
    let settings: Settings
    let begunAt: Double
    var revision = 1
    var last: StatusReport?
    var keeper: Task<Void, Never>?
    /// What the hosts hold by this operator's word.
    var held: Held?
    /// They are going back: what one of them lost on the way is no news.
    var isReturning = false

    package init(
        _ members: [FleetMember], time: any Timepiece, progress: any Progress, settings: Settings = Settings()
    ) {
        self.members = members.map { Member(name: $0.name, control: $0.control) }
        order = members.map(\.name)
        self.time = time
        self.progress = progress
        self.settings = settings
        begunAt = time.now().value
    }

    deinit { keeper?.cancel() }

    /// From now on nobody asks these; all others are asked.
    package func setAside(_ names: Set<String>) {
        let all = Dictionary((members + aside).map { ($0.name, $0) }) { first, _ in first }
        members = order.filter { !names.contains($0) }.compactMap { all[$0] }
        aside = order.filter(names.contains).compactMap { all[$0] }
    }

    // MARK: Asking

    typealias Answers<Value> = [String: Result<Value, Failure>]

    /// Asks hosts at the same time, a bounded number at once.
    ///
    /// - Parameter limit: how long one may take; nil = as long as its own work does.
    func ask<Value: Sendable>(
        _ names: [String]? = nil, within limit: Seconds? = nil,
        _ question: @escaping @Sendable (String, any FleetControl) async throws -> Value
    ) async throws -> Answers<Value> {
        let asked = members.filter { names?.contains($0.name) ?? true }.map {
            FleetMember(name: $0.name, control: $0.control)
        }
        let time = time
        let answers = await BoundedTasks.map(asked, width: settings.width) { member -> Result<Value, Failure> in
            do {
                return .success(
                    try await time.limited(to: limit) { try await question(member.name, member.control) })
            } catch { return .failure(Failure(told: error)) }
        }
        try Task.checkCancellation()
        var known: Answers<Value> = [:]
        for (member, answer) in zip(asked, answers) {
            known[member.name] = answer
            if case .failure(let failure) = answer, failure.code == .unavailable { continue }
            heard(member.name)
        }
        return known
    }

    /// Throws, with every host's reason, unless all did it.
    @discardableResult
    func askAll<Value: Sendable>(
        _ what: String, within limit: Seconds? = nil,
        _ question: @escaping @Sendable (String, any FleetControl) async throws -> Value
    ) async throws -> [String: Value] {
        let answers = try await ask(within: limit, question)
        if let failure = failure(what, answers) { throw failure }
        return answers.compactMapValues { try? $0.get() }
    }

    func failure<Value>(_ what: String, _ answers: Answers<Value>) -> Failure? {
        let faults = members.compactMap { member -> (String, Failure)? in
            guard case .failure(let failure)? = answers[member.name] else { return nil }
            return (member.name, failure)
        }
        guard let first = faults.first else { return nil }
        if let lost = faults.first(where: { $0.1.code == .leaseHeld }) { return lost.1 }
        let code = faults.allSatisfy { $0.1.code == .unavailable } ? Failure.Code.unavailable : .failed
        let why = faults.map { "\($0.0): \($0.1.what): \($0.1.why)" }.joined(separator: "; ")
        return Failure(code, what, because: why, next: first.1.next)
    }

    func absent<Value>(_ answers: Answers<Value>) -> [String] {
        members.map(\.name).filter { name in
            guard case .failure(let failure)? = answers[name] else { return false }
            return failure.code == .unavailable
        }
    }

    private func heard(_ name: String) {
        guard let index = members.firstIndex(where: { $0.name == name }) else { return }
        members[index].heardAt = time.now().value
        members[index].owesAnswer = false
    }

    /// Before it is said: what gets no answer may be heard all the same.
    func noteWord(to names: Set<String>) {
        for index in members.indices where names.contains(members[index].name) {
            members[index].wordAt = time.now().value
            members[index].owesAnswer = true
        }
    }

    func note(fault: String, of name: String) {
        guard !isReturning, let index = members.firstIndex(where: { $0.name == name }) else { return }
        members[index].fault = members[index].fault ?? fault
    }

    /// Ends what would go on by itself.
    package func close() { keeper?.cancel() }
}

extension Failure {
    init(told error: any Error) {
        self = error as? Failure ?? Failure(.failed, "it failed", because: FleetSupervisor.words(error), next: "")
    }
}

extension Timepiece {
    /// Throws `.unavailable` when it is not over in time.
    func limited<Value: Sendable>(
        to limit: Seconds?, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let limit else { return try await body() }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await sleep(limit)
                return nil
            }
            defer { group.cancelAll() }
            if let first = try await group.next(), let value = first { return value }
            throw Failure(
                .unavailable, "the host does not answer", because: "it said nothing for \(limit.spelled)",
                next: "see to the host and the way there, then run it again")
        }
    }
}
