import Fleet

/// Which instance has a session.
package struct SessionRoutes: Sendable, Equatable {
    private let pool: String
    private let tags: [String]
    private let external: Bool
    /// Groups of the instances that new traffic goes to.
    private let serving: [String]
    private let takesNew: Bool

    /// `colour`: of those that new traffic goes to.
    init(_ pool: GatePolicy.Pool, colour: Colour?) {
        self.pool = pool.name
        tags = pool.sessions
        external = pool.sessionsAreExternal
        takesNew = colour != nil
        serving = pool.sessions.filter { tag in (colour ?? pool.keeps).map { tag.hasPrefix($0.rawValue) } ?? false }
            .map { "\(pool.name)_\($0)" }
    }

    func route(_ request: AccessRequest) -> (Grant.SessionUse, group: String?) {
        let id = request.sessionID
        switch request.era {
        case .modern: return (id.isEmpty ? .none : .ignored, nil)
        case .legacy where id.isEmpty:
            // A session that is opened where nobody new is served would be known to nobody else.
            return (external && takesNew && request.method.isExactly("POST") ? .fresh(groups: serving) : .none, nil)
        case .legacy:
            let ends = external && request.method.isExactly("DELETE")
            return (.held(id, ends: ends), group(of: id))
        }
    }

    /// Told by the tag that the edge put before the id (`a2.6f0c`). Nil when that instance serves no
    /// more, or never did.
    private func group(of id: String) -> String? {
        if external { return Self.preferred(of: serving, for: id) }
        guard let dot = id.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let tag = id[..<dot]
        return tags.first { $0.utf8.elementsEqual(tag.utf8) }.map { "\(pool)_\($0)" }
    }

    /// Where to go with a session that any of `groups` can serve: by rendezvous hashing, so that one
    /// that comes or goes moves only its own share.
    package static func preferred(of groups: [String], for id: String) -> String? {
        groups.max { weight($0, id) < weight($1, id) }
    }

    /// FNV-1a with a last mixing: even, and the same in every process.
    private static func weight(_ group: String, _ id: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in group.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0xff) &* 0x100_0000_01b3
        for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        return hash ^ hash >> 27
    }
}
