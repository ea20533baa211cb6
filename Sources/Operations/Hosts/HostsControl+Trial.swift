import Fleet
import Planning
import Ports

// A flip of all hosts. Each has promised; all flip at once, and hold the generation for as long as they hear from this
// operator. Whoever is cut off goes back by itself, so that waiting is enough to know where it is.
extension HostsControl: TrialControl {
    func flipTogether(to generation: Int, from before: Int) async throws {
        let patience = settings.patience
        try await askAll("cannot flip, and nothing has changed", within: settings.answer) {
            try await $1.promise(generation, patience: patience)
        }
        let began = time.now().value
        noteWord(to: Set(members.map(\.name)))
        let answers = try await ask(within: patience) { try await $1.attempt(generation) }
        if let failure = failure("not every host flipped", answers) {
            progress.step("not every host flipped: going back at once")
            letGo()
            // Those that answer; the step that follows waits for the others.
            _ = try? await ask(within: settings.answer) { try await $1.flip(to: before) }
            throw failure
        }
        let took = ((time.now().value - began) * 1000).rounded() / 1000
        progress.step("\(members.count) hosts flipped within \(took) s of each other")
        keep(Held(generation: generation, isShare: false, hosts: Set(members.map(\.name))))
    }

    /// Every host that answers goes back now.
    func goBack(to generation: Int) async throws {
        letGo()
        for name in try await askUntilCertain("not every host went back", { try await $1.flip(to: generation) }) {
            progress.step("\(name) does not answer; what it had on trial has lapsed by now")
        }
        endReturn()
    }

    /// Who does not answer is asked again until it is certain: what they hold on trial has lapsed, and nothing that is
    /// still on its way to them can begin it again.
    ///
    /// - Returns: those.
    func askUntilCertain(
        _ what: String, _ question: @escaping @Sendable (String, any FleetControl) async throws -> Void
    ) async throws -> [String] {
        let begun = members.map { ($0.name, ($0.wordAt ?? begunAt) + certainty.value) }
        let deadlines = Dictionary(begun) { first, _ in first }
        var names = members.map(\.name)
        while true {
            let answers = try await ask(names, within: settings.answer, question)
            names = absent(answers)
            let present = answers.filter { !names.contains($0.key) }
            if let failure = failure(what, present) { throw failure }
            let now = time.now().value
            guard names.contains(where: { now < deadlines[$0] ?? 0 }) else { return names }
            try await time.sleep(0.5)
        }
    }

    /// From now on nobody counts on what they had on trial; what is held goes on until `goBack`.
    func beginReturn() {
        isReturning = true
        for index in members.indices { members[index].fault = nil }
    }

    func endReturn() {
        isReturning = false
        for index in members.indices { members[index].fault = nil }
    }

    private func letGo() {
        keeper?.cancel()
        keeper = nil
        held = nil
    }

    /// Of words that got no answer at most two are under way, a hold and a seal, and each can come in the last moment.
    private var certainty: Seconds { Seconds(settings.patience.value * 3 + 1) }

    /// Goes on saying that it holds.
    func keep(_ next: Held) {
        held = next
        for index in members.indices { members[index].fault = nil }
        // One that is at it goes on: cut short, it would never hear who has answered.
        guard keeper == nil else { return }
        keeper = Task { [weak self, time, settings] in
            while (try? await time.sleep(Seconds(settings.patience.value / 4))) != nil, !Task.isCancelled {
                await self?.sayHold()
            }
        }
    }

    private func sayHold() async {
        guard let what = held else { return }
        let names = members.filter { !$0.owesAnswer && what.hosts.contains($0.name) }.map(\.name)
        noteWord(to: Set(names))
        let limit = Seconds(settings.patience.value / 2)
        let answers = try? await ask(names, within: limit) { try await $1.hold(what.generation) }
        guard held == what else { return }
        for (name, answer) in answers ?? [:] {
            if case .failure(let failure) = answer, failure.code != .unavailable {
                note(fault: "\(failure.what): \(failure.why)", of: name)
            }
        }
    }

    /// To one host after the other would only make the time longer in which a cut is answered by silence.
    package func seal(_ generation: Int) async throws {
        if let lost = members.first(where: { $0.fault != nil }) {
            throw Failure(
                .failed, "\(lost.name) has left generation \(generation)", because: lost.fault ?? "",
                next: "run it again")
        }
        noteWord(to: Set(members.map(\.name)))
        try await askAll("not every host stays", within: Seconds(settings.patience.value / 2)) {
            try await $1.seal(generation)
        }
    }

    package func finish(_ generation: Int) async throws {
        let what = "not every host has heard that generation \(generation) is for good"
        try await askAll(what, within: settings.patience) {
            try await $1.finish(generation)
        }
        letGo()
    }

    package func promise(_ generation: Int, patience: Seconds) async throws { throw Self.notOne("promise") }
    package func lend(_ generation: Int, part: Double?) async throws { throw Self.notOne("lend") }
    package func attempt(_ generation: Int) async throws { throw Self.notOne("attempt") }
    package func hold(_ generation: Int) async throws { throw Self.notOne("hold") }

    private static func notOne(_ what: String) -> Failure {
        Failure(
            .failed, "cannot \(what)", because: "several hosts do so by `flip`, `share` and `balance`",
            next: "report this bug")
    }
}
