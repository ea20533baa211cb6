import Fleet

/// A flip that several hosts make together, as one of them remembers it. Until the operator has said that it is for
/// good, it is held by the operator's word: who hears nothing for `patience` takes it back by itself. So is a share of
/// the new traffic: there `from` still serves, and has all of it again.
///
/// In its last moment, sealed, there is a time when the operator may have decided either way. Who hears nothing then
/// serves nobody: not the version that the fleet may have left, nor the one that it may never have come to.
package struct FlipTrial: Sendable, Equatable, Codable {
    package enum Lapse: Sendable, Equatable {
        /// To the generation before; nil = to none.
        case goBack(Int?)
        case shut
    }

    package var generation: Int
    /// What served before; nil = nothing did.
    package var from: Int?
    package var patience: Seconds
    package var isSealed: Bool
    /// It lapsed after it was sealed.
    package var isShut: Bool

    package init(generation: Int, from: Int?, patience: Seconds, isSealed: Bool = false, isShut: Bool = false) {
        self.generation = generation
        self.from = from
        self.patience = patience
        self.isSealed = isSealed
        self.isShut = isShut
    }

    /// What to do when nothing was heard since `heard`; nil = wait on. A supervisor that starts anew has heard
    /// nothing (`heard` nil), however short it was away.
    package func lapse(heard: Seconds?, now: Seconds) -> Lapse? {
        if let heard, now.value - heard.value < patience.value { return nil }
        if isSealed { return isShut ? nil : .shut }
        return .goBack(from)
    }
}
