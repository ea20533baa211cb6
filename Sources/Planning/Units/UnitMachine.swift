import Fleet

/// Decides from what systemd says of a unit which lives of its main process have ended.
///
/// systemd restarts by itself, and says of a unit only what holds now: a death and the next start may
/// arrive as one change. So lives are told apart by when they began, and a later one ends the earlier.
///
/// Laws: each life that was given out is told to have ended exactly once; none while it goes on.
package struct UnitMachine: Sendable, Equatable {
    /// One run of a unit's main process.
    package struct Life: Sendable, Hashable {
        package var pid: Int32
        /// Microseconds of CLOCK_MONOTONIC, never the same for two lives of a unit.
        package var startedAt: UInt64

        package init(pid: Int32, startedAt: UInt64) {
            self.pid = pid
            self.startedAt = startedAt
        }
    }

    package enum End: Sendable, Hashable {
        case exited(code: Int32)
        case signalled(Int32)
        /// Nobody saw it.
        case unknown
    }

    /// A unit's main process as of one moment.
    package struct Sighting: Sendable, Equatable {
        /// The main process, or the last one there was; nil before the first.
        package var life: Life?
        /// Nil while it goes on.
        package var end: End?

        package init(life: Life?, end: End?) {
            self.life = life
            self.end = end
        }
    }

    package enum Event: Sendable, Equatable {
        /// A change that systemd told of: it may come late, twice or not at all.
        case told(Sighting)
        /// The answer to a question: so it is now.
        case found(Sighting)
        /// Whoever asked for a process was given this one.
        case givenOut(Life)
    }

    package enum Action: Sendable, Equatable { case ended(Life, End) }

    /// The youngest life seen, and how it ended if it did.
    package private(set) var youngest: Sighting = Sighting(life: nil, end: nil)
    /// The last few ends that were seen, oldest first: a life may be over, and the next one begun, before
    /// it is given out.
    private var ends: [Sighting] = []
    /// The life that was given out and has not ended.
    package private(set) var watched: Life?

    package init() {}

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .told(let sighting): return told(sighting)
        case .found(let sighting):
            see(sighting)
            return endOfWatched()
        case .givenOut(let life):
            if watched == life { return [] }
            let earlier = watched.map { [Action.ended($0, .unknown)] } ?? []
            watched = life
            if youngest.life == nil || isYounger(life, than: youngest.life) {
                youngest = Sighting(life: life, end: nil)
            }
            return earlier + endOfWatched()
        }
    }

    /// The last life that is over, whoever was given it.
    package var lastEnd: Sighting? { ends.last }

    /// Whether the life goes on, as far as is known.
    package func isAlive(_ life: Life) -> Bool { youngest.life == life && youngest.end == nil }

    private mutating func told(_ sighting: Sighting) -> [Action] {
        // An old one, held up on its way.
        guard let life = sighting.life, !isYounger(youngest.life, than: life) else { return [] }
        see(sighting)
        return endOfWatched()
    }

    private mutating func see(_ sighting: Sighting) {
        // Who is dead stays dead: a sighting of the same life alive is an older one.
        if sighting.life == youngest.life, sighting.end == nil { return }
        youngest = sighting
        if sighting.end != nil, ends.last != sighting { ends = ends.suffix(3) + [sighting] }
    }

    private mutating func endOfWatched() -> [Action] {
        guard let watched, !isAlive(watched) else { return [] }
        self.watched = nil
        return [.ended(watched, ends.last { $0.life == watched }?.end ?? .unknown)]
    }

    private func isYounger(_ life: Life?, than other: Life?) -> Bool {
        (life?.startedAt ?? 0) > (other?.startedAt ?? 0)
    }
}
