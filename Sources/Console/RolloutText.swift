import Fleet
import Foundation
import Planning
import Ports

/// One line of `convoy rollout --watch --json`, as `ops/schemas/rollout-event.schema.json` has it.
package struct RolloutEvent: Sendable, Equatable, Codable {
    /// Seconds since 1970.
    package var time: Double
    /// Number of the generation that it brings up.
    package var rollout: Int
    /// Counts up from 1 in each rollout.
    package var index: Int
    package var step: String
    package var mark: JournalEntry.Mark
    package var detail: String

    package init(_ entry: JournalEntry) {
        time = entry.at
        rollout = entry.rollout
        index = entry.index
        step = entry.step
        mark = entry.mark
        detail = entry.detail
    }

    /// Ends with a newline and holds no other.
    package var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers, names and words always encode.
        guard let data = try? encoder.encode(self) else { return "" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}

/// A rollout for somebody who looks on: how far it is, and each instance of the next generation on its line.
package struct RolloutText: Sendable {
    let plan: GenerationPlan
    let road: RolloutRoad
    let rollout: RolloutRecord
    let journal: [JournalEntry]
    let status: FleetStatus?
    /// Seconds since 1970.
    let now: Double

    /// - Parameter before: the plan of `rollout.from`, if it is known.
    package init(
        plan: GenerationPlan, before: GenerationPlan? = nil, rollout: RolloutRecord, journal: [JournalEntry],
        status: FleetStatus?, now: Double
    ) {
        self.plan = plan
        road = RolloutRoad(plan: plan, hasCurrent: rollout.from != nil, before: before)
        self.rollout = rollout
        self.journal = journal
        self.status = status
        self.now = now
    }

    /// Each without its newline and no longer than `width`.
    package func lines(width: Int) -> [String] {
        ([headline, stepLine] + plan.instances.map(line)).map { $0.count <= width ? $0 : String($0.prefix(width)) }
    }

    private var headline: String {
        let age = StatusText.age((rollout.endedAt ?? now) - rollout.startedAt)
        return "\(plan.fleet): generation \(plan.number), \(plan.release.name) \(plan.release.version), \(age)"
            + (rollout.undoing ? ", going back: \(rollout.reason)" : "")
    }

    private var stepLine: String {
        let step = RolloutStep(rawValue: journal.last?.step ?? rollout.step) ?? .preflight
        let steps = step.isWayBack ? road.back : road.steps
        let isDone = journal.last?.mark == .done
        let place = (steps.firstIndex(of: step) ?? 0) + (isDone ? 1 : 0)
        // A rolling update has as many steps as it takes.
        let width = min(steps.count, 24)
        let bar = Self.bar(place * width / max(1, steps.count), of: width)
        let since = journal.last.map { "  " + StatusText.age(now - $0.at) } ?? ""
        return "\(bar)  \(step.words)\(rollout.state == .open ? since : "")"
    }

    /// What each instance has behind it: there, started, proved, ready, serving.
    private func line(_ instance: InstancePlan) -> String {
        let widest = plan.instances.map(\.name.count).max() ?? 0
        let name = instance.name.padding(toLength: widest, withPad: " ", startingAt: 0)
        guard let seen = status?.instances.first(where: { $0.name == instance.name }) else {
            return "\(name)  \(Self.bar(0, of: 5))  \(status == nil ? "unknown" : "not there")"
        }
        let isProved = seen.proof.map { $0.verdict == .proved } ?? true
        let serves = seen.ready && status?.generation == plan.number
        let done = [true, seen.pid != nil, isProved, seen.ready, serves].count { $0 }
        let up = seen.uptimeSeconds.map { "  " + StatusText.age($0) } ?? ""
        let why = seen.ready || seen.reason.isEmpty ? "" : "  \(seen.reason)"
        return "\(name)  \(Self.bar(done, of: 5))  \(seen.state.rawValue)\(up)\(why)"
    }

    private static func bar(_ done: Int, of all: Int) -> String {
        "[" + String(repeating: "#", count: done) + String(repeating: ".", count: max(0, all - done)) + "]"
    }
}

/// One line for each journal entry, where nothing can be redrawn.
package struct RolloutEntryText: Sendable {
    let entry: JournalEntry
    let startedAt: Double

    package init(_ entry: JournalEntry, startedAt: Double) {
        self.entry = entry
        self.startedAt = startedAt
    }

    package var text: String {
        let words = RolloutStep(rawValue: entry.step)?.words ?? entry.step
        let mark =
            switch entry.mark {
            case .intent: "..."
            case .done: "ok "
            case .failed: "!! "
            }
        let detail = entry.detail.isEmpty ? "" : ": \(entry.detail)"
        return "\(StatusText.age(entry.at - startedAt))  \(mark)  \(words)\(detail)\n"
    }
}
