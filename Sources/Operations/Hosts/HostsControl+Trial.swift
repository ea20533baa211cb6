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
            // Those that answer; the step that follows waits for the others.
            _ = try? await ask(within: settings.answer) { try await $1.flip(to: before) }
            throw failure
        }
        let took = ((time.now().value - began) * 1000).rounded() / 1000
        progress.step("\(members.count) hosts flipped within \(took) s of each other")
        keep(generation)
    }

    /// Every host that answers goes back now. Of the others it is certain after a time: what they hold on trial has
    /// lapsed, and nothing that is still on its way to them can begin it again.
    func goBack(to generation: Int) async throws {
        keeper?.cancel()
        trial = nil
        let begun = members.map { ($0.name, ($0.wordAt ?? begunAt) + certainty.value) }
        let deadlines = Dictionary(begun) { first, _ in first }
        var names = members.map(\.name)
        while true {
            let answers = try await ask(names, within: settings.answer) { try await $1.flip(to: generation) }
            names = absent(answers)
            let present = answers.filter { !names.contains($0.key) }
            if let failure = failure("not every host went back", present) { throw failure }
            let now = time.now().value
            guard names.contains(where: { now < deadlines[$0] ?? 0 }) else { break }
            try await time.sleep(0.5)
        }
        for name in names {
            progress.step("\(name) does not answer; what it had on trial has lapsed by now")
        }
        for index in members.indices { members[index].fault = nil }
    }

    /// Of words that got no answer at most two are under way, a hold and a seal, and each can come in the last moment.
    private var certainty: Seconds { Seconds(settings.patience.value * 3 + 1) }

    /// Goes on saying that it holds.
    private func keep(_ generation: Int) {
        trial = generation
        keeper?.cancel()
        for index in members.indices { members[index].fault = nil }
        keeper = Task { [weak self, time, settings] in
            while (try? await time.sleep(Seconds(settings.patience.value / 4))) != nil, !Task.isCancelled {
                await self?.sayHold(generation)
            }
        }
    }

    private func sayHold(_ generation: Int) async {
        guard trial == generation else { return }
        let names = members.filter { !$0.owesAnswer }.map(\.name)
        noteWord(to: Set(names))
        let limit = Seconds(settings.patience.value / 2)
        let answers = try? await ask(names, within: limit) { try await $1.hold(generation) }
        guard trial == generation else { return }
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
        keeper?.cancel()
        trial = nil
    }

    package func promise(_ generation: Int, patience: Seconds) async throws { throw Self.notOne("promise") }
    package func attempt(_ generation: Int) async throws { throw Self.notOne("attempt") }
    package func hold(_ generation: Int) async throws { throw Self.notOne("hold") }

    private static func notOne(_ what: String) -> Failure {
        Failure(.failed, "cannot \(what)", because: "several hosts flip by `flip`", next: "report this bug")
    }
}

extension HostsControl: TrafficControl {
    package func share(_ generation: Int, part: Double) async throws { throw Self.oneAtATime }
    package func balance(_ generation: Int) async throws { throw Self.oneAtATime }

    static let oneAtATime = Failure(
        .badSpec, "cannot share traffic between generations", because: "several hosts flip together only, so far",
        next: "write `rollout: {strategy: flip}` into fleet.yaml")

    package func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        try await askAll("cannot begin generation \(plan.number) on every host") { name, control in
            let slice = plan.slice(for: name)
            guard !slice.instances.isEmpty else { return }
            try await control.begin(slice, only: instances?.intersection(Set(slice.instances.map(\.name))))
        }
    }

    /// What is taken back may be left on a host that does not answer: it gets no traffic there, and goes when the
    /// host is back. What is drained for good has to go everywhere.
    package func retire(
        _ generation: Int, only instances: Set<String>?, drain: Seconds
    ) async throws -> DrainReport {
        let what = "cannot take generation \(generation) away on every host"
        // First who is there: a host that is gone would be waited for as long as a drain may take.
        let asked = try await ask(within: settings.answer) { try await $1.status(newerThan: nil, timeout: 0) }
        let serving = asked.values.compactMap { try? $0.get().status.generation }.max() ?? 0
        let isUndo = generation > serving
        let missing = absent(asked)
        if !isUndo, let failure = failure(what, asked) { throw failure }
        for name in missing {
            progress.step("\(name) does not answer: generation \(generation) goes there when it is back")
        }
        let present = members.map(\.name).filter { !missing.contains($0) }
        let own = instances.map { wanted in
            asked.mapValues { answer in
                let plans = (try? answer.get())?.generations ?? []
                return Set(plans.flatMap(\.instances).map(\.name)).intersection(wanted)
            }
        }
        let answers = try await ask(present) { name, control in
            if own?[name]?.isEmpty == true { return DrainReport() }
            return try await control.retire(generation, only: own?[name], drain: drain)
        }
        let gone = isUndo ? Set(absent(answers)) : []
        if let failure = failure(what, answers.filter { !gone.contains($0.key) }) { throw failure }
        return answers.values.compactMap { try? $0.get() }.reduce(DrainReport(), +)
    }
}
