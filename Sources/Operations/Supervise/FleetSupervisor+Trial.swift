import Fleet
import Planning
import Ports

// Traffic that this host moves together with others: it goes back unless the operator goes on saying that it holds.
extension FleetSupervisor: TrialControl {
    /// Kept in memory only: a supervisor that starts anew has promised nothing.
    package func promise(_ generation: Int, patience: Seconds) async throws {
        await untilTakenOver()
        guard let plan = plans[generation] else { throw trialRefusal(generation, "this host does not run it") }
        // A share needs no more; whoever flips looks at all of it.
        if let unfit = instances(of: plan).first(where: { !mayServe($0) }) {
            throw trialRefusal(generation, "\(unfit.name) is not ready and proved")
        }
        try refuseLeaving(plan)
        promise = (generation, patience, ports.time.now().value + patience.value)
    }

    package func attempt(_ generation: Int) async throws {
        await untilTakenOver()
        // Noted as for good already, or without a trial at all.
        guard active.generation != generation || active.trial != nil else { return }
        let patience = try redeemPromise(of: generation)
        if active.generation == generation, let known = active.trial {
            // Taken up again by whoever resumes the rollout: it is undecided, and held by their word.
            active.trial = FlipTrial(generation: generation, from: known.from, patience: patience)
            try store.save(active)
            try await reconcileEdge()
        } else {
            try await serve(
                generation, on: FlipTrial(generation: generation, from: active.generation, patience: patience))
        }
        watchTrial()
    }

    package func lend(_ generation: Int, part: Double?) async throws {
        await untilTakenOver()
        let patience = try redeemPromise(of: generation)
        let trial = FlipTrial(generation: generation, from: active.generation, patience: patience)
        try await apply(GenerationStore.Active.Share(generation: generation, part: part), on: trial)
        watchTrial()
        _ = try self.trial(of: generation)
    }

    /// What was on its way for long, and comes when the others have been told otherwise, finds no promise.
    ///
    /// - Returns: how long it stays on trial without a word.
    private func redeemPromise(of generation: Int) throws -> Seconds {
        guard let promise, promise.generation == generation, promise.until > ports.time.now().value else {
            throw trialRefusal(generation, "this host has not promised it, or too long ago")
        }
        self.promise = nil
        trialHeard = ports.time.now()
        return promise.patience
    }

    package func hold(_ generation: Int) async throws {
        await untilTakenOver()
        _ = try trial(of: generation)
        trialHeard = ports.time.now()
    }

    package func seal(_ generation: Int) async throws {
        await untilTakenOver()
        var trial = try trial(of: generation)
        guard active.generation == generation else { throw trialRefusal(generation, "it has a share only") }
        trialHeard = ports.time.now()
        guard !trial.isSealed else { return }
        trial.isSealed = true
        active.trial = trial
        try store.save(active)
    }

    package func finish(_ generation: Int) async throws {
        await untilTakenOver()
        guard active.generation == generation else {
            throw trialRefusal(generation, "this host does not serve it any more")
        }
        guard active.trial != nil else { return }
        try endTrial()
        ports.log("generation \(generation) serves for good")
        try await reconcileEdge()
    }

    // MARK: Its end

    func endTrial() throws {
        guard active.trial != nil else { return }
        active.trial = nil
        try store.save(active)
    }

    /// Nobody has been heard since: the operator's word was for the supervisor before.
    func lapseLeftTrial() {
        guard let trial = active.trial else { return }
        trialHeard = nil
        switch trial.lapse(heard: nil, now: ports.time.now()) {
        // Before anybody is told of it: the edge is brought in step with it right after.
        case .goBack(let from): note(backTo: from, trial)
        case .shut: noteShut(trial)
        case nil: break
        }
    }

    func goBack(from trial: FlipTrial) async throws {
        note(backTo: trial.from, trial)
        try await reconcileEdge()
    }

    private func note(backTo from: Int?, _ trial: FlipTrial) {
        active.generation = from
        active.share = from.map { _ in GenerationStore.Active.Share(generation: trial.generation, part: 0) }
        active.trial = nil
        // A full disk must not keep traffic where it should not be.
        do { try store.save(active) } catch { ports.log("cannot note the way back: \(Self.words(error))") }
        let target = from.map { "generation \($0) serves" } ?? "nobody serves"
        ports.log("generation \(trial.generation) was on trial, and nobody says that it holds: \(target)")
    }

    private func noteShut(_ trial: FlipTrial) {
        active.trial?.isShut = true
        do { try store.save(active) } catch { ports.log("cannot note that the host is shut: \(Self.words(error))") }
        ports.log("generation \(trial.generation) may be for good or not, and nobody says which: nobody is served")
    }

    private func watchTrial() {
        trialWatch?.cancel()
        trialWatch = Task { [ports] in
            while let trial = active.trial, !Task.isCancelled {
                let left = (trialHeard?.value ?? 0) + trial.patience.value - ports.time.now().value
                if left > 0 || trial.isShut {
                    guard (try? await ports.time.sleep(Seconds(max(left, 0.5)))) != nil else { return }
                    continue
                }
                await lapse()
            }
        }
    }

    private func lapse() async {
        guard let trial = active.trial else { return }
        switch trial.lapse(heard: trialHeard, now: ports.time.now()) {
        case .goBack: try? await goBack(from: trial)
        case .shut:
            noteShut(trial)
            try? await reconcileEdge(isUrgent: true)
        case nil: break
        }
    }

    // MARK: What is refused

    private func trial(of generation: Int) throws -> FlipTrial {
        guard let trial = active.trial, trial.generation == generation, !trial.isShut else {
            throw trialRefusal(generation, "it is not on trial here, or has lapsed")
        }
        return trial
    }

    /// The way back leads there.
    func refuseUndecided(_ generation: Int) throws {
        guard let trial = active.trial, trial.from == generation else { return }
        throw Failure(
            .failed, "cannot take generation \(generation) away",
            because: "generation \(trial.generation) is on trial, and would go back to it",
            next: "`convoy resume` goes on with the rollout")
    }

    private func trialRefusal(_ generation: Int, _ why: String) -> Failure {
        Failure(
            .failed, "cannot move traffic to generation \(generation) with the other hosts", because: why,
            next: "see `convoy status`")
    }
}
