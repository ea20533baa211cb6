import Fleet

/// What `convoy up` would do, in words and as data.
package struct ChangePlan: Sendable, Equatable, Codable {
    package struct Change: Sendable, Equatable, Codable {
        package enum Kind: String, Sendable, Equatable, Codable { case add, change, remove, mend }

        package var kind: Kind
        package var subject: String
        package var detail: String

        package init(_ kind: Kind, _ subject: String, _ detail: String) {
            self.kind = kind
            self.subject = subject
            self.detail = detail
        }
    }

    package var fleet: String
    package var changes: [Change]
    /// Files by which an admin changed units, which the next generation has, too; sorted.
    package var dropIns: [String]
    /// What callers would meet; nil when nothing of that changes.
    package var compatibility: CompatibilityReport?
    /// What speaks against it on this host now, in words.
    package var warnings: [String] = []

    /// - Parameters:
    ///   - locked: the wished release's lock entry, if it has one.
    ///   - wish: digest of the wished generation; nil when its release is not on this host yet.
    ///   - cut: a generation left by a rollout that was cut.
    ///   - running: nil when no supervisor answers.
    ///   - isAmended: only the numbers of instances differ from the current generation.
    ///   - scaling: a change of these numbers that was cut.
    package init(
        spec: FleetSpec, profile: Profile, locked: LockedRelease?, wish: Digest?, current: GenerationPlan?,
        cut: GenerationPlan?, running: FleetStatus?, isAmended: Bool = false, scaling: GenerationPlan? = nil
    ) {
        fleet = spec.name
        var changes: [Change] = []
        let release = spec.server.release
        if locked == nil { changes.append(Change(.add, "fleet.lock", "resolve \(release) and lock it with hashes")) }
        if locked != nil, wish == nil { changes.append(Change(.add, "release", "fetch \(release)")) }
        if let cut, cut.number != running?.generation {
            changes.append(Change(.remove, "generation \(cut.number)", "left by a rollout that was cut"))
        }
        if let scaling {
            let road = scaling.wish == wish ? "it goes on" : "it is taken back first, where that can be"
            changes.append(Change(.mend, "change to \(scaling.instances.count) instances", "was cut; \(road)"))
        }
        if running == nil { changes.append(Change(.add, "supervisor", "start it; it adopts what still runs")) }
        if let current {
            changes += Self.differences(spec, profile, current, wish, isAmended)
        } else {
            changes += Self.first(spec, profile)
        }
        for instance in running?.instances ?? [] where !instance.ready && instance.generation == running?.generation {
            changes.append(Change(.mend, instance.name, "\(instance.state.rawValue): \(instance.reason)"))
        }
        self.changes = changes
        dropIns = Set(running?.instances.flatMap(\.dropIns) ?? []).sorted()
    }

    private static func first(_ spec: FleetSpec, _ profile: Profile) -> [Change] {
        var changes = spec.pools.map { pool in
            Change(.add, "pool \(pool.name)", "\(pool.replicas) instances of \(spec.server.release)")
        }
        if profile.needsDatabase {
            for pool in spec.pools {
                let grants = pool.databases.map { "\($0.role) on \($0.database)" }.joined(separator: ", ")
                changes.append(Change(.add, "users of \(pool.name)", "\(pool.replicas), each with \(grants)"))
            }
        }
        changes.append(Change(.add, "edge", "serve \(spec.edge.url)"))
        if spec.database?.sharedWith != nil { changes.append(Change(.add, "firewall", spec.databaseReach)) }
        return changes
    }

    private static func differences(
        _ spec: FleetSpec, _ profile: Profile, _ current: GenerationPlan, _ wish: Digest?,
        _ isAmended: Bool
    ) -> [Change] {
        guard wish != current.wish else { return [] }
        var changes: [Change] = []
        let wished = spec.server.release
        if wished.version != current.release.version || wished.name != current.release.name {
            changes.append(
                Change(.change, "release", "\(current.release.name) \(current.release.version) -> \(wished.version)"))
        }
        for pool in spec.pools {
            let count = current.instances.count { $0.pool == pool.name }
            if count == 0 {
                changes.append(Change(.add, "pool \(pool.name)", "\(pool.replicas) instances"))
            } else if count != pool.replicas {
                changes.append(Change(.change, "pool \(pool.name)", "\(count) -> \(pool.replicas) instances"))
            }
            let grants = current.instances.first { $0.pool == pool.name }?.proof?.grants
            if let grants, grants != pool.databases {
                changes.append(Change(.change, "users of \(pool.name)", "other roles"))
            }
            if let planned = current.pools.first(where: { $0.name == pool.name }),
                planned.tools != pool.tools || planned.clients != pool.clients || planned.limits != pool.limits
            {
                changes.append(Change(.change, "pool \(pool.name)", "other tools, clients or limits"))
            }
            let (before, after) = (current.origin.spec.resources(of: pool.name), spec.resources(of: pool.name))
            if count > 0, before != after {
                let detail = "resources: \(before.map(\.text) ?? "unbounded") -> \(after.map(\.text) ?? "unbounded")"
                changes.append(Change(.change, "pool \(pool.name)", detail))
            }
        }
        for pool in current.pools where !spec.pools.contains(where: { $0.name == pool.name }) {
            changes.append(Change(.remove, "pool \(pool.name)", "with all its instances and users"))
        }
        if spec.edge != current.edge { changes.append(Change(.change, "edge", "other settings")) }
        if spec.database?.sharedWith != current.origin.spec.database?.sharedWith {
            changes.append(Change(.change, "firewall", spec.databaseReach))
        }
        if profile.name != current.profile {
            changes.append(Change(.change, "profile", "\(current.profile) -> \(profile.name)"))
        }
        if changes.isEmpty { changes.append(Change(.change, "settings", "of server, health or logs")) }
        guard !isAmended else {
            return changes + [Change(.change, "generation \(current.number)", "stays; the other instances go on")]
        }
        changes.append(Change(.add, "generation", spec.rollout.words(replacing: current.number, spec.spansHosts)))
        return changes
    }
}

extension ChangePlan {
    /// Every key is always there, null where there is nothing to say.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fleet, forKey: .fleet)
        try container.encode(changes, forKey: .changes)
        try container.encode(dropIns, forKey: .dropIns)
        try container.encode(compatibility, forKey: .compatibility)
        try container.encode(warnings, forKey: .warnings)
    }
}

extension FleetSpec {
    fileprivate var databaseReach: String {
        guard let database, let others = database.sharedWith else { return "database's ports: open to local users" }
        let ports = database.loopbackPorts.map(String.init).joined(separator: ", ")
        let users = (["instances", "root", "its own user"] + others).joined(separator: ", ")
        return "database's port \(ports): only \(users)"
    }
}

extension RolloutSpec {
    fileprivate func words(replacing number: Int, _ spansHosts: Bool) -> String {
        let place = spansHosts ? " on each host" : ""
        switch strategy {
        case .flip: return "a new one beside \(number), one flip, then \(number) goes"
        case .canary:
            let canary = canary ?? CanaryRolloutSpec()
            return "a new one beside \(number): \(canary.words(spansHosts)) for \(canary.time.spelled), then a flip"
        case .rolling:
            let count = (rolling ?? RollingSpec()).maxUnavailable
            return "replaces \(number), \(count) of a pool\(place) at a time; new sessions meet both"
        }
    }
}

extension ResourcesSpec {
    /// `512MiB, 128 tasks, 200% CPU`
    fileprivate var text: String {
        let parts = [memory.map(ByteSize.text), tasks.map { "\($0) tasks" }, cpu.map { "\($0)% CPU" }]
        let known = parts.compactMap(\.self)
        return known.isEmpty ? "unbounded" : known.joined(separator: ", ")
    }
}
