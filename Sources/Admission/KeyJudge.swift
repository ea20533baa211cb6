import Fleet

/// Decides whether an issuer's keys, as they are known now, are enough to tell about a token.
package enum KeyJudge {
    /// What is known of the key that a token names.
    package enum Key: Sendable, Equatable, CaseIterable {
        case known
        /// The issuer's keys are known, and it is not among them.
        case unknown
        /// The token does not say which, and there is not exactly one it can be.
        case unclear
    }

    package enum Verdict: Sendable, Equatable {
        case verify
        /// Somebody may know more; `meanwhile` is what to do when nobody can be asked, or has been.
        case ask(meanwhile: Ending)
        case end(Ending)
    }

    package enum Ending: Sendable, Equatable {
        case refuse(TokenFault)
        /// Neither yes nor no.
        case unavailable
    }

    /// Keys that came with the policy: there are no others.
    package static func judge(_ key: Key) -> Verdict {
        switch key {
        case .known: .verify
        case .unknown: .end(.refuse(TokenFault("the token's key is not known")))
        case .unclear: .end(.refuse(TokenFault("the token does not say which key signed it")))
        }
    }

    /// Keys that were fetched at `fetchedAt`, in seconds since 1970; nil when never.
    package static func judge(
        _ key: Key, fetchedAt: Double?, staleLimit: Double, now: Double
    ) -> Verdict {
        // An issuer whose keys nobody could fetch for so long may have withdrawn any of them.
        guard let fetchedAt, now - fetchedAt <= staleLimit else { return .ask(meanwhile: .unavailable) }
        let verdict = judge(key)
        if key == .unknown, case .end(let ending) = verdict { return .ask(meanwhile: ending) }
        return verdict
    }
}
