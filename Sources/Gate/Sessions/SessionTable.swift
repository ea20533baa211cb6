import Admission
import Crypto
import Fleet
import Synchronization

/// Which session is whose. Of fixed size: when a set of places is full, who used it longest ago goes,
/// and that session is unknown from then on, which its client mends by opening another.
///
/// Two gates may use one file at the same time. Each entry vouches for itself, so the worst that their
/// meeting in one place can do is that a session is unknown.
package final class SessionTable: Sendable {
    package enum Registration: Sendable, Equatable {
        case registered
        /// It is somebody else's. From now on it is nobody's: the server gave one id to two owners.
        case taken
    }

    package enum Holder: Sendable, Equatable { case owner, somebodyElse, nobody }

    package static let standardCount = 65_536
    private static let ways = 16
    /// How many places of a full set one owner may hold: a flood of sessions pushes out its own first.
    private static let share = 4

    private let file: Mutex<SessionFile>
    private let key: SymmetricKey
    private let sets: Int

    /// In memory only: the end of the process is the end of all sessions.
    package init(count: Int = SessionTable.standardCount) throws(Failure) {
        let file = try SessionFile(volatile: Self.whole(count))
        key = file.key
        sets = file.count / Self.ways
        self.file = Mutex(file)
    }

    /// Throws a `Failure` when `directory` can't hold the file.
    package init(directory: String, count: Int = SessionTable.standardCount) throws(Failure) {
        let file = try SessionFile(directory: directory, count: Self.whole(count))
        key = file.key
        sets = file.count / Self.ways
        self.file = Mutex(file)
    }

    private static func whole(_ count: Int) -> Int { max(1, count / ways) * ways }

    /// Opaque, and different for each pool: `X-Convoy-Owner`.
    package func owner(_ caller: Caller, pool: String) -> Digest128 {
        Digest128(["owner", pool, caller.issuer, caller.subject], key: key)
    }

    /// `id` as the client knows it, with its tag.
    package func digest(_ id: String, pool: String) -> Digest128 { Digest128(["session", pool, id], key: key) }

    /// `now` in seconds since 1970. The same owner may register it again.
    package func register(
        _ session: Digest128, owner: Digest128, home: SessionHome = .unknown, now: Double
    ) -> Registration {
        let now = Self.stamp(now)
        return file.withLock { file in
            var isKnown = false
            for index in places(session) where SessionEntry.isNamed(session, at: file.place(index)) {
                guard var entry = entry(index, of: file, named: session) else { continue }
                if entry.state == .owned, entry.owner.matches(owner) {
                    isKnown = true
                } else {
                    entry.state = .disputed
                    entry.write(to: file.place(index), index: index, key: key)
                    SessionEntry.touch(file.place(index), at: now)
                    return .taken
                }
                SessionEntry.touch(file.place(index), at: now)
            }
            if !isKnown {
                let index = victim(in: places(session), of: file, for: owner)
                SessionEntry.touch(file.place(index), at: now)
                SessionEntry.setHome(home.word, of: file.place(index))
                SessionEntry(session: session, owner: owner, state: .owned)
                    .write(to: file.place(index), index: index, key: key)
            }
            return .registered
        }
    }

    package func holder(of session: Digest128, asking owner: Digest128, now: Double) -> Holder {
        let now = Self.stamp(now)
        return file.withLock { file in
            var holder = Holder.nobody
            for index in places(session) where SessionEntry.isNamed(session, at: file.place(index)) {
                guard let entry = entry(index, of: file, named: session) else { continue }
                // One entry against it outweighs any for it.
                guard entry.state == .owned, entry.owner.matches(owner) else { return .somebodyElse }
                SessionEntry.touch(file.place(index), at: now)
                let home = SessionEntry.home(of: file.place(index))
                // A server that does not let its clients end sessions goes on with this one.
                if home & SessionHome.closed != 0 {
                    SessionEntry.setHome(home & ~SessionHome.closed, of: file.place(index))
                }
                holder = .owner
            }
            return holder
        }
    }

    /// Its owner has ended it.
    package func forget(_ session: Digest128) {
        file.withLock { file in
            for index in places(session) where SessionEntry.isNamed(session, at: file.place(index)) {
                SessionEntry.erase(file.place(index))
            }
        }
    }

    /// Its owner needs it no more. Should it be used again all the same, it is as before.
    package func close(_ session: Digest128) {
        file.withLock { file in
            for index in places(session) where SessionEntry.isNamed(session, at: file.place(index)) {
                let home = SessionEntry.home(of: file.place(index))
                SessionEntry.setHome(home | SessionHome.closed, of: file.place(index))
            }
        }
    }

    /// Sessions that are not closed and that somebody used within `idle` seconds, by their home. Looks at the
    /// whole table: well below a millisecond.
    package func tally(now: Double, idle: Double) -> [SessionHome: Int] {
        let since = Self.stamp(now - idle)
        var tally: [SessionHome: Int] = [:]
        file.withLock { file in
            for index in 0..<file.count {
                let place = file.place(index)
                let word = SessionEntry.home(of: place)
                guard word & SessionHome.closed == 0, let home = SessionHome(stored: word),
                    SessionEntry.seemsOwned(place), SessionEntry.lastUse(of: place) >= since
                else { continue }
                tally[home, default: 0] += 1
            }
        }
        return tally
    }

    private func places(_ session: Digest128) -> Range<Int> {
        let first = Int(session.low % UInt64(sets)) * Self.ways
        return first..<first + Self.ways
    }

    /// Between the look at the name and the reading of it all, another gate may have put another session there.
    private func entry(_ index: Int, of file: borrowing SessionFile, named session: Digest128) -> SessionEntry? {
        let entry = SessionEntry(at: file.place(index), index: index, key: key)
        return entry?.session.matches(session) == true ? entry : nil
    }

    private func victim(in places: Range<Int>, of file: borrowing SessionFile, for owner: Digest128) -> Int {
        var own: [Int] = []
        var oldest = places.lowerBound
        for index in places {
            guard let entry = SessionEntry(at: file.place(index), index: index, key: key) else { return index }
            if entry.owner.matches(owner) { own.append(index) }
            if SessionEntry.lastUse(of: file.place(index)) < SessionEntry.lastUse(of: file.place(oldest)) {
                oldest = index
            }
        }
        guard own.count >= Self.share else { return oldest }
        return own.min {
            SessionEntry.lastUse(of: file.place($0)) < SessionEntry.lastUse(of: file.place($1))
        } ?? oldest
    }

    private static func stamp(_ seconds: Double) -> UInt64 { UInt64(min(max(seconds, 0), 1e12) * 1000) }
}
