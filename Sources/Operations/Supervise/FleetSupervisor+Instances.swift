import Fleet
import Planning
import Ports

// Events in, actions out: the shell around `InstanceMachine`.
extension FleetSupervisor {
    func send(_ event: InstanceMachine.Event, to name: String) async {
        guard var runner = runners[name] else { return }
        let before = (runner.machine.state, runner.machine.reason)
        let keptSessions = runner.machine.keepsSessions
        let actions = runner.machine.handle(event)
        runners[name] = runner
        if (runner.machine.state, runner.machine.reason) != before {
            let reason = runner.machine.reason
            ports.log("\(name): \(runner.machine.state.rawValue)" + (reason.isEmpty ? "" : ": \(reason)"))
        }
        changed()
        // One that drains is out of rotation, and yet must lose its sessions when it is not proved any more.
        if runner.machine.keepsSessions != keptSessions, !actions.contains(.rotation), hasTakenOver {
            Task { try? await reconcileEdge(isUrgent: isHarmful(runner)) }
        }
        for action in actions { await perform(action, for: name) }
    }

    private func perform(_ action: InstanceMachine.Action, for name: String) async {
        guard let runner = runners[name] else { return }
        let plan = runner.machine.plan
        switch action {
        case .prove: Task { await prove(name) }
        case .spawn: await spawn(name)
        case .retry(let delay): after(delay) { await $0.send(.retryDue(at: $0.ports.time.now()), to: name) }
        case .terminate:
            runner.probing?.cancel()
            guard let record = runner.record else { return }
            await ports.processes.signal(record, plan.stop.processSignal, wholeGroup: true)
            after(plan.stop.deadline) { await $0.send(.stopOverdue, to: name) }
        case .kill:
            if let record = runner.record { await ports.processes.signal(record, .kill, wholeGroup: true) }
        // While only half is found again, the other half would seem to be out of rotation.
        case .rotation:
            if hasTakenOver { Task { try? await reconcileEdge(isUrgent: isHarmful(runner)) } }
        case .gone: forget(name)
        }
    }

    /// It answers, and must not be asked: not fit, or not proved, any more.
    private func isHarmful(_ runner: Runner) -> Bool {
        !runner.machine.isFit && [.unfit, .draining].contains(runner.machine.state)
    }

    private func after(_ delay: Seconds, _ act: @escaping @Sendable (FleetSupervisor) async -> Void) {
        Task { [time = ports.time] in
            guard (try? await time.sleep(delay)) != nil else { return }
            await act(self)
        }
    }

    private func spawn(_ name: String) async {
        guard let runner = runners[name], let plan = plans[runner.machine.plan.generation] else { return }
        do {
            try await checkBytes(of: plan.release.digest)
            holdIdlePorts()
            let record = try await ports.processes.start(try processPlan(runner.machine.plan, of: plan))
            runners[name]?.record = record
            runners[name]?.era = nil
            // Before anything else: whoever is not in the book when this supervisor dies is an orphan.
            try? book.record(
                ProcessBook.Entry(
                    record: record, restarts: runner.machine.restarts, startedAt: ports.time.wallClock()))
            await send(.started(at: ports.time.now()), to: name)
            if let exit = earlyExits.removeValue(forKey: record) { return await processExited(exit) }
            watchHealth(name)
        } catch {
            await send(.startRefused(Self.words(error)), to: name)
        }
    }

    /// Those that ask while somebody looks get that answer: the instances of a generation start together.
    func checkBytes(of release: Digest) async throws {
        if let running = sealChecks[release] { return try await running.value }
        // Off the actor: a release of thousands of files takes a while, and others must not wait.
        let check = Task.detached { [seal = ports.seal] in try seal.check(release) }
        sealChecks[release] = check
        defer { sealChecks[release] = nil }
        try await check.value
    }

    func processExited(_ exit: ProcessExit) async {
        if let kind = Companion.Kind(rawValue: exit.record.id) { return await companionExited(kind, exit) }
        // Orphans of a dead leader would keep its port: the whole group goes.
        await ports.processes.signal(exit.record, .kill, wholeGroup: true)
        let name = exit.record.id
        guard let runner = runners[name] else { return }
        guard runner.record == exit.record else {
            // It died before its start returned to `spawn`, which looks here.
            earlyExits[exit.record] = exit
            return
        }
        runners[name]?.record = nil
        runner.probing?.cancel()
        let dice = Double.random(in: 0..<1)
        await send(.exited(exit.cause.words, at: ports.time.now(), dice: dice), to: name)
    }

    func forget(_ name: String) {
        let runner = runners.removeValue(forKey: name)
        runner?.probing?.cancel()
        runner?.proving?.cancel()
        figureBook.forget(name)
        try? book.forget(name)
        Task { [processes = ports.processes] in await processes.retire(name) }
        changed()
    }

    static func words(_ error: any Error) -> String {
        if let failure = error as? Failure { return "\(failure.what): \(failure.why)" }
        return "\(error)"
    }
}

extension ProcessPlan {
    init(_ instance: InstancePlan) {
        self.init(
            id: instance.name, executable: instance.launch.executable, arguments: instance.launch.arguments,
            environment: instance.launch.environment, secretsFile: instance.launch.secretsFile,
            workingDirectory: instance.launch.workingDirectory, logFile: instance.launch.logFile)
    }
}

extension Profile.Stop {
    var processSignal: ProcessSignal {
        switch signal {
        case "INT": .int
        case "QUIT": .quit
        default: .term
        }
    }
}

extension ProcessExit.Cause {
    var words: String {
        switch self {
        case .exited(let code): "exited with code \(code)"
        case .signalled(let number): "killed by signal \(number)"
        case .unknown: "ended"
        }
    }
}
