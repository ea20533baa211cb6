/// One step of a rollout as its journal names it. Each can be done again after a cut, and those that
/// leave something behind name the step that takes it away.
package enum RolloutStep: String, Sendable, Hashable, Codable, CaseIterable {
    // Forward, in this order.
    case preflight, stage, start, verify, compare, flip, soak, drain, stop, finalize, prune
    // Back, in this order.
    case flipBack, takeAway, finalizeUndone

    package static let forward: [RolloutStep] = [
        .preflight, .stage, .start, .verify, .compare, .flip, .soak, .drain, .stop, .finalize, .prune,
    ]
    package static let back: [RolloutStep] = [.flipBack, .takeAway, .finalizeUndone]

    /// The step that takes back what this one did; nil where it leaves nothing, or where there is no way back.
    package var undo: RolloutStep? {
        switch self {
        case .stage, .start: .takeAway
        case .flip: .flipBack
        default: nil
        }
    }

    package var isWayBack: Bool { Self.back.contains(self) }

    /// Once this is begun the generation before is being stopped: only forward.
    package var isPastReturn: Bool { [.drain, .stop, .finalize, .prune].contains(self) }

    /// For people, as what is being done.
    package var words: String {
        switch self {
        case .preflight: "checking the release"
        case .stage: "giving each instance its user and secrets"
        case .start: "starting the next generation"
        case .verify: "waiting until each instance is ready and proved"
        case .compare: "comparing all instances with each other"
        case .flip: "moving new traffic to the next generation"
        case .soak: "watching the next generation serve"
        case .drain: "draining the generation before"
        case .stop: "taking away the users and files of the generation before"
        case .finalize: "noting what serves now"
        case .prune: "clearing up what nobody needs"
        case .flipBack: "moving traffic back"
        case .takeAway: "taking the next generation away"
        case .finalizeUndone: "noting that nothing has changed"
        }
    }

    /// Place in its own direction, from 0.
    package var rank: Int { (isWayBack ? Self.back : Self.forward).firstIndex(of: self) ?? 0 }
}
