import Fleet
import Planning
import Ports

// Traffic for two generations on all hosts. As a flip, a share is held by this operator's word, and lapses without it.
extension HostsControl: TrafficControl {
    package func share(_ generation: Int, part: Double) async throws { try await lendTogether(generation, part: part) }

    package func balance(_ generation: Int) async throws {
        if isWayBack(to: generation) { return try await balanceBack(generation) }
        try await lendTogether(generation, part: nil)
    }

    private func lendTogether(_ generation: Int, part: Double?) async throws {
        let before = try await status(newerThan: nil, timeout: 0).status.generation
        // Some may serve it on trial still, by the word of an operator who was cut.
        let isMixed = members.contains { $0.report?.status.generation == generation } && before != generation
        if part == 0 || isMixed { try await goBack(to: before) }
        if part == 0 { return }
        // Who serves nothing yet has nothing to share: it comes with the flip.
        let names = members.filter { $0.report?.status.generation != 0 }.map(\.name)
        let patience = settings.patience
        let promises = try await ask(names, within: settings.answer) {
            try await $1.promise(generation, patience: patience)
        }
        if let failure = failure("cannot share traffic, and nothing has changed", promises) { throw failure }
        noteWord(to: Set(names))
        let answers = try await ask(names, within: patience) { try await $1.lend(generation, part: part) }
        // Who does it has it by this word until all of it is taken back, also when others do not.
        keep(Held(generation: generation, isShare: true, hosts: Set(names)))
        if let failure = failure("not every host shares its traffic", answers) { throw failure }
    }

    /// The generation before serves beside the one that is left. Who has gone back by itself, or does so now, needs no
    /// word for it.
    private func balanceBack(_ generation: Int) async throws {
        beginReturn()
        let answers = try await ask {
            guard try await $1.status(newerThan: nil, timeout: 0).status.generation != generation else { return }
            try await $1.balance(generation)
        }
        let missing = absent(answers)
        let present = answers.filter { !missing.contains($0.key) }
        if let failure = failure("not every host shares its traffic", present) { throw failure }
    }

    package func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        let what = "cannot begin generation \(plan.number) on every host"
        // Some of the generation that serves begin again when they were taken away, and for nothing else.
        let serves = members.contains { $0.report?.status.generation == plan.number }
        guard isWayBack(to: plan.number) || (serves && instances != nil) else {
            isReturning = false
            try await askAll(what) { try await $1.begin(own: plan, on: $0, only: instances) }
            return
        }
        beginReturn()
        // First who is there: a start takes its time.
        let missing = try await askUntilCertain(what) { _ = try await $1.status(newerThan: nil, timeout: 0) }
        for name in missing {
            progress.step("\(name) does not answer: what it lacks of generation \(plan.number) starts when it is back")
        }
        let present = members.map(\.name).filter { !missing.contains($0) }
        let answers = try await ask(present) { try await $1.begin(own: plan, on: $0, only: instances) }
        let gone = Set(absent(answers))
        if let failure = failure(what, answers.filter { !gone.contains($0.key) }) { throw failure }
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
        let isUndo = isReturning || generation > serving
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

extension SupervisorControl where Self: TrafficControl {
    /// Its part of the generation.
    fileprivate func begin(own plan: GenerationPlan, on host: String, only instances: Set<String>?) async throws {
        let slice = plan.slice(for: host)
        guard !slice.instances.isEmpty else { return }
        try await begin(slice, only: instances?.intersection(Set(slice.instances.map(\.name))))
    }
}
