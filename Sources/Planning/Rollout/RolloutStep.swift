/// One step of a rollout as its journal names it. Each can be done again after a cut, and those that
/// leave something behind name the step that takes it away.
package enum RolloutStep: Sendable, Hashable, CaseIterable {
    // Forward.
    case preflight, stage, start, verify, compare, flip, soak, drain, stop, finalize, prune
    /// A canary serves its part of the callers.
    case watch
    /// Several hosts promise each other, by the operator, that none of them goes back by itself any more.
    case settle
    // Back.
    case flipBack, takeAway, finalizeUndone
    /// Of one part of the instances, from 1: a canary is one part, a rolling update has as many as it takes.
    case part(Int, Deed)

    package enum Deed: String, Sendable, Hashable, CaseIterable {
        // Forward, in this order; `retire` in rolling updates only.
        case retire, start, verify, compare, share
        // Back, in this order, in rolling updates only.
        case restore, withdraw
    }

    /// Of a flip.
    package static let forward: [RolloutStep] = [
        .preflight, .stage, .start, .verify, .compare, .flip, .soak, .drain, .stop, .finalize, .prune,
    ]
    /// In every strategy, once what a rolling update took away is there again.
    package static let back: [RolloutStep] = [.flipBack, .takeAway, .finalizeUndone]

    /// Those of a flip; what other strategies have besides is not of a fixed number.
    package static let allCases = forward + back

    /// The step that takes back what this one did; nil where it leaves nothing, or where there is no way back.
    package var undo: RolloutStep? {
        switch self {
        case .stage, .start, .part(_, .start): .takeAway
        case .flip, .part(_, .share): .flipBack
        case .part(let number, .retire): .part(number, .restore)
        default: nil
        }
    }

    package var isWayBack: Bool {
        if case .part(_, let deed) = self { return deed == .restore || deed == .withdraw }
        return Self.back.contains(self)
    }

    /// Once this is begun the generation before is being stopped: only forward.
    package var isPastReturn: Bool { [.drain, .stop, .finalize, .prune].contains(self) }

    // Whether of the whole generation or of a part.

    package var isVerification: Bool {
        if case .part(_, .verify) = self { return true }
        return self == .verify
    }

    var isStartOfPart: Bool {
        if case .part(_, .start) = self { return true }
        return false
    }

    package var isComparison: Bool {
        if case .part(_, .compare) = self { return true }
        return self == .compare
    }

    /// Place in its own direction, from 0, in a flip.
    package var rank: Int { (isWayBack ? Self.back : Self.forward).firstIndex(of: self) ?? 0 }
}

// MARK: In the journal

extension RolloutStep: RawRepresentable {
    /// `flip`, or `share.2` of a part.
    package init?(rawValue: String) {
        if let named = (Self.allCases + [.watch, .settle]).first(where: { $0.rawValue == rawValue }) {
            self = named
            return
        }
        let words = rawValue.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count == 2, let deed = Deed(rawValue: String(words[0])), let number = Int(words[1]), number > 0
        else { return nil }
        self = .part(number, deed)
    }

    package var rawValue: String {
        switch self {
        case .preflight: "preflight"
        case .stage: "stage"
        case .start: "start"
        case .verify: "verify"
        case .compare: "compare"
        case .flip: "flip"
        case .soak: "soak"
        case .drain: "drain"
        case .stop: "stop"
        case .finalize: "finalize"
        case .prune: "prune"
        case .watch: "watch"
        case .settle: "settle"
        case .flipBack: "flipBack"
        case .takeAway: "takeAway"
        case .finalizeUndone: "finalizeUndone"
        case .part(let number, let deed): "\(deed.rawValue).\(number)"
        }
    }
}

// MARK: For people

extension RolloutStep {
    /// As what is being done.
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
        case .watch: "watching the canary serve its part"
        case .settle: "having every host stay with the next generation"
        case .flipBack: "moving traffic back"
        case .takeAway: "taking the next generation away"
        case .finalizeUndone: "noting that nothing has changed"
        case .part(let number, let deed): "part \(number): \(deed.words)"
        }
    }
}

extension RolloutStep.Deed {
    fileprivate var words: String {
        switch self {
        case .retire: "draining instances of the generation before"
        case .start: "starting instances of the next generation"
        case .verify: "waiting until they are ready and proved"
        case .compare: "comparing them with each other"
        case .share: "giving them their part of new traffic"
        case .restore: "starting what was taken away again"
        case .withdraw: "draining what came instead"
        }
    }
}
