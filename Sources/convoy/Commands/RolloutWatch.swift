import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Ports
import Supervision

/// Looks on at the rollout that another convoy carries out: only reads.
struct RolloutWatch {
    private let workplace: Workplace
    private let ports: OperatorPorts
    private let json: Bool

    init(_ workplace: Workplace, _ context: FleetContext, json: Bool) throws {
        self.workplace = workplace
        self.json = json
        let silence = TerminalProgress(terminal: workplace.terminal, isQuiet: true)
        ports = try workplace.fleetOperator(context, progress: silence).ports
    }

    func run() async throws {
        let first = try await ports.ledger.load()
        guard let begun = first.rollout, begun.state == .open else {
            return Terminal.printError("no rollout is under way\n")
        }
        var told = 0
        var drawn = 0
        var idle = 0
        while !ports.isInterrupted() {
            let record = try await ports.ledger.load()
            guard let rollout = record.rollout, rollout.number == begun.number else { return }
            let journal = try await ports.ledger.journal(of: rollout.number)
            if json || !workplace.terminal.outputIsTerminal {
                for entry in journal.dropFirst(told) { tell(entry, rollout) }
            } else {
                drawn = await draw(record, rollout, journal, over: drawn)
            }
            let isStill = journal.count == told
            let isQuiet = isStill ? await !isAtWork : false
            idle = isQuiet ? idle + 1 : 0
            told = journal.count
            if rollout.state != .open { return try end(rollout) }
            // It may have just ended and not been noted yet.
            if idle > 8 { throw cut(rollout) }
            try await ports.time.sleep(0.25)
        }
    }

    private var isAtWork: Bool {
        get async { (try? await workplace.leases.current())?.expired == false }
    }

    private func tell(_ entry: JournalEntry, _ rollout: RolloutRecord) {
        Terminal.print(
            json ? RolloutEvent(entry).line : RolloutEntryText(entry, startedAt: rollout.startedAt).text)
    }

    /// Over the lines of the last time.
    private func draw(
        _ record: LedgerRecord, _ rollout: RolloutRecord, _ journal: [JournalEntry], over drawn: Int
    ) async -> Int {
        let plan = [record.next, record.current].compactMap(\.self).first { $0.number == rollout.number }
        guard let plan else { return drawn }
        let status = try? await ports.control.status(newerThan: nil, timeout: 0).status
        let before = [record.current, record.previous].compactMap(\.self).first { $0.number == rollout.from }
        let lines = RolloutText(
            plan: plan, before: before, rollout: rollout, journal: journal, status: status,
            now: ports.time.wallClock()
        ).lines(width: workplace.terminal.width)
        let up = drawn == 0 ? "" : "\u{1B}[\(drawn)A"
        Terminal.print(up + lines.map { "\r\u{1B}[K\($0)\n" }.joined())
        return lines.count
    }

    private func end(_ rollout: RolloutRecord) throws {
        switch rollout.state {
        case .undone: throw ExitCode(Failure.Code.failed.rawValue)
        case .undoFailed: throw ExitCode(Failure.Code.revertFailed.rawValue)
        case .open, .converged: break
        }
    }

    private func cut(_ rollout: RolloutRecord) -> Failure {
        Failure(
            .failed, "rollout \(rollout.number) was cut", because: "nobody is at work on it any more",
            next: "`convoy resume` goes on, `convoy rollback` goes back")
    }
}
