import Fleet
import Ports

/// What whoever waits for something hears of the supervisor.
enum Sighting: Sendable {
    /// Its time begins now, whether or not somebody answers.
    case begun
    case report(StatusReport)
    /// It does not answer, and is being started again.
    case silence
    /// It answers, but by words that this convoy does not understand: waiting can't help.
    case unreadable(String)
    /// The operator wants no more.
    case interrupt
}

// How every runner speaks with a supervisor that may die at any moment.
extension OperatorPorts {
    /// One that is being started again, or has to be, is no reason to give up. Every call is idempotent.
    @discardableResult
    func asking<Answer: Sendable>(
        _ call: (any FleetControl) async throws -> Answer
    ) async throws -> Answer {
        do {
            return try await call(control)
        } catch let failure as Failure where failure.code == .unavailable {
            _ = try await launcher.ensureRunning()
            return try await call(control)
        }
    }

    /// Shows what the supervisor sees until something is decided.
    func watch<Decision>(_ decide: (Sighting) -> [Decision]) async throws -> [Decision] {
        var revision: Int?
        _ = decide(.begun)
        while true {
            if isInterrupted() {
                let turned = decide(.interrupt)
                if !turned.isEmpty { return turned }
            }
            let decisions = decide(try await look(&revision))
            if !decisions.isEmpty { return decisions }
        }
    }

    private func look(_ revision: inout Int?) async throws -> Sighting {
        do {
            let report = try await control.status(newerThan: revision, timeout: 0.5)
            revision = report.revision
            return .report(report)
        } catch let failure as Failure where failure.code == .leaseHeld {
            throw failure
        } catch let failure as Failure where failure.code == .failed {
            return .unreadable("\(failure.what): \(failure.why); \(failure.next)")
        } catch {
            progress.detail("the supervisor does not answer")
            _ = try? await launcher.ensureRunning()
            try? await time.sleep(0.2)
            return .silence
        }
    }

    /// Nil when the operator's interrupt came first. The supervisor goes on with what it was asked: whoever turns
    /// back must take it back.
    func unlessInterrupted<Answer: Sendable>(
        _ call: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer? {
        try await withThrowingTaskGroup(of: Answer?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await call() }
            group.addTask {
                while !isInterrupted() { try await time.sleep(0.2) }
                return nil
            }
            return try await group.next() ?? nil
        }
    }
}
