import Fleet

/// Where a ledger can lie.
package enum LedgerPlace: String, Sendable, Equatable, Codable, CaseIterable {
    /// SQLite below the fleet's root.
    case file
    /// The database `convoy_ledger` of a MongoDB deployment.
    case mongodb

    package var other: LedgerPlace { self == .file ? .mongodb : .file }

    package var words: String {
        switch self {
        case .file: "the file under the fleet's root"
        case .mongodb: "the fleet's database"
        }
    }
}

/// What a place knows of the fleet's ledger.
package enum LedgerStanding: Sendable, Equatable {
    /// Nothing that anybody would miss.
    case empty
    case serving
    /// A move has copied to it and was not ended; its ticket.
    case arriving(String)
    /// It has moved away by that ticket; nobody writes here any more.
    case left(String)
}

/// What the next step of a move is. The order of steps is a law: the copy is whole before the source is left, and the
/// source is left before the target opens. So there never are two that serve, wherever a move is cut.
package enum LedgerMoveStep: Sendable, Equatable {
    /// Copy under the source's lease, leave the source, open the target.
    case copy
    case open(String)
    case nothing
    /// Why nobody but a person can tell what is true.
    case refuse(String)
}

package enum LedgerMoveJudge {
    package static func next(
        from source: LedgerStanding, to target: LedgerStanding, at place: LedgerPlace
    ) -> LedgerMoveStep {
        switch (source, target) {
        case (.empty, .serving), (.left, .serving), (.arriving, .serving): .nothing
        case (.serving, .serving): .refuse("\(place.other.words) and \(place.words) both hold a ledger that serves")
        case (.serving, _), (.empty, _): .copy
        case (.left(let ticket), .arriving(let other)) where ticket == other: .open(ticket)
        case (.left, .empty): .refuse("it has moved to \(place.words) once, and nothing is there now")
        case (.left, .arriving): .refuse("a later move to \(place.words) is under way from somewhere else")
        case (.arriving, _), (.left, .left):
            .refuse("a move to \(place.other.words) was cut: `convoy ledger move --to \(place.other.rawValue)` ends it")
        }
    }
}

extension Failure {
    /// Of a ledger that nobody may write, or believe, any more. Nil for one that serves.
    package static func ledger(at place: LedgerPlace, is standing: LedgerStanding) -> Failure? {
        switch standing {
        case .empty, .serving: nil
        case .left:
            Failure(
                .failed, "cannot use the ledger in \(place.words)", because: "it has moved to \(place.other.words)",
                next: place == .file
                    ? "name it in fleet.yaml by `ledger: {file: PATH}`; if the move was cut, "
                        + "`convoy ledger move --to mongodb` ends it"
                    : "remove `ledger` from fleet.yaml; if the move was cut, `convoy ledger move --to file` ends it")
        case .arriving:
            Failure(
                .failed, "cannot use the ledger in \(place.words)", because: "its move there was cut",
                next: "`convoy ledger move --to \(place.rawValue)` ends it; until then nothing changes the fleet")
        }
    }
}
