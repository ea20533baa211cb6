import Fleet

/// Which processes belong to whom: those of one group, and their descendants.
struct ProcessFamily: Sendable {
    private let names: [Int32: String]
    private let facts: [Int32: ProcessFact]

    init(_ survey: DriftSurvey) {
        var names: [Int32: String] = [:]
        for process in survey.processes { names[process.pid] = process.name }
        self.names = names
        facts = Dictionary(survey.table.processes.map { ($0.pid, $0) }) { first, _ in first }
    }

    /// Nil for a process that is not of this fleet.
    func name(of pid: Int32) -> String? {
        var next = pid
        // A parent is older than its child, but a table read while processes die may hold any nonsense.
        for _ in 0..<32 {
            if let name = names[next] { return name }
            guard let fact = facts[next] else { return nil }
            if let name = names[fact.group] { return name }
            next = fact.parent
        }
        return nil
    }

    func words(_ pid: Int32) -> String {
        guard let fact = facts[pid] else { return "process \(pid)" }
        let program = fact.words.first ?? fact.executable ?? ""
        return "\(program.split(separator: "/").last.map(String.init) ?? "process") (pid \(pid), user \(fact.user))"
    }
}

extension DriftJudge {
    var processes: [DriftFinding] { survey.processes.flatMap(judge) + orphans }

    private static var restart: String { "not healed: a restart by hand, once it is clear who did it" }

    private func judge(_ sighting: ProcessSighting) -> [DriftFinding] {
        guard let fact = sighting.fact else { return [] }
        let who = "root, \(fact.user) (who runs it), or whoever started it in the fleet's place"
        let subject = "\(sighting.name) (pid \(sighting.pid))"
        func finding(_ kind: DriftFinding.Kind, _ wish: String, _ found: String, _ who: String) -> DriftFinding {
            DriftFinding(
                kind, subject, wish: wish, found: found, whoCould: who, heal: Self.restart, canHeal: false)
        }
        var findings: [DriftFinding] = []
        if fact.isReplaced {
            findings.append(
                finding(
                    sighting.isDaemon ? .binary : .program, "the program that is installed",
                    "an older one, replaced on disk since it started", "a package upgrade, or root"))
        }
        guard let launch = sighting.launch else { return findings }
        if let executable = fact.executable, !fact.isReplaced, executable != launch.executable {
            findings.append(finding(.program, launch.executable, executable, who))
        }
        if !fact.words.isEmpty, let difference = Self.difference(launch.arguments, Array(fact.words.dropFirst())) {
            findings.append(finding(.arguments, Self.shown(launch.arguments), difference, who))
        }
        let names = Set(fact.environment ?? launch.environment)
        let extra = names.subtracting(launch.environment).subtracting(launch.tolerated).sorted()
        let missing = Set(launch.environment).subtracting(names).sorted()
        if !extra.isEmpty || !missing.isEmpty {
            let differences = extra.map { "\($0) too many" } + missing.map { "\($0) missing" }
            findings.append(
                finding(
                    .environment, "\(launch.environment.count) names", differences.joined(separator: ", "), who))
        }
        return findings
    }

    /// Nil when both are the same. The words that differ, since a whole command line hides them.
    private static func difference(_ wish: [String], _ found: [String]) -> String? {
        guard wish != found else { return nil }
        var extra = found
        var missing: [String] = []
        for word in wish {
            if let index = extra.firstIndex(of: word) { extra.remove(at: index) } else { missing.append(word) }
        }
        let parts =
            (extra.isEmpty ? [] : ["too many: " + shown(extra)])
            + (missing.isEmpty ? [] : ["missing: " + shown(missing)])
        return parts.isEmpty ? "the same words in another order" : parts.joined(separator: "; ")
    }

    /// A report is no place for a whole command line.
    private static func shown(_ words: [String]) -> String {
        let text = words.joined(separator: " ")
        return text.count > 160 ? String(text.prefix(157)) + "..." : text
    }

    /// Runs a release of ours, or our edge's configuration, and belongs to nobody that should.
    private var orphans: [DriftFinding] {
        survey.table.processes.filter { fact in
            isOurs(fact) && family.name(of: fact.pid) == nil && fact.pid != survey.ports.supervisor
        }.map { fact in
            DriftFinding(
                .generation, family.words(fact.pid), wish: "no such process",
                found: "a server of the fleet that no generation has",
                whoCould: "\(fact.user), whose process it is: a convoy that was killed, or a person with a shell",
                heal: "not healed: look at it, then `kill \(fact.pid)`", canHeal: false)
        }
    }

    private func isOurs(_ fact: ProcessFact) -> Bool {
        let releases = survey.ports.releases + "/"
        func isInRelease(_ path: String) -> Bool {
            // What an installation is at work on is not a release yet.
            path.hasPrefix(releases) && path.dropFirst(releases.count).first != "."
        }
        guard let first = fact.words.first else { return false }
        if isInRelease(first) || fact.executable.map(isInRelease) == true { return true }
        let program = (fact.executable ?? first).split(separator: "/").last ?? ""
        let isInterpreter = program.hasPrefix("python") || program.hasPrefix("node")
        if isInterpreter { return fact.words.contains(where: isInRelease) }
        let isMaster = program.hasPrefix("nginx") && survey.ports.isOwnEdge
        return isMaster && fact.words.contains { $0.contains(survey.ports.edgeConfiguration + "/current/") }
    }

    /// What nobody that looked was allowed to see.
    var blind: [String] {
        survey.processes.compactMap { sighting in
            guard let fact = sighting.fact else { return nil }
            guard fact.executable == nil || (sighting.launch != nil && fact.environment == nil) else { return nil }
            return "program and environment of \(sighting.name): only root and its own user may see them"
        }
    }
}

// MARK: Listeners

extension DriftJudge {
    var listeners: [DriftFinding] {
        survey.table.listeners.compactMap { listener in
            let owners = listener.owners.map { family.name(of: $0) }
            let own = owners.compactMap(\.self).first
            if own == "edge", survey.ports.isOwnEdge { return edge(listener) }
            if let name = survey.ports.instances[listener.port] ?? idle(listener.port), !isRight(listener, own) {
                return taken(listener, of: name)
            }
            guard let own, !listener.isLoopback else { return nil }
            return finding(listener, by: own, wish: "127.0.0.1 only")
        } + deafEdge
    }

    private func idle(_ port: Int) -> String? {
        survey.ports.idle.contains(port) ? "the next generation" : nil
    }

    /// By its own instance and on loopback, or held for it by the supervisor.
    private func isRight(_ listener: ListenerFact, _ own: String?) -> Bool {
        if listener.owners.contains(survey.ports.supervisor) { return true }
        // Whose socket it is may be hidden from who looks; which user's is not.
        if listener.owners.isEmpty, let name = survey.ports.instances[listener.port] {
            let process = survey.processes.first { $0.name == name }?.fact
            return listener.isLoopback && (process == nil || process?.user == listener.user)
        }
        return listener.isLoopback && own != nil && own == survey.ports.instances[listener.port]
    }

    private func edge(_ listener: ListenerFact) -> DriftFinding? {
        guard let wish = survey.ports.edge, listener.port != wish.port || listener.address != wish.address else {
            return nil
        }
        return finding(listener, by: "edge", wish: "\(wish.address):\(wish.port) only")
    }

    private func taken(_ listener: ListenerFact, of name: String) -> DriftFinding {
        let by = listener.owners.first.map { family.name(of: $0) ?? family.words($0) } ?? "user \(listener.user)"
        return finding(listener, by: by, wish: "port \(listener.port) is \(name)'s, on 127.0.0.1")
    }

    private func finding(_ listener: ListenerFact, by who: String, wish: String) -> DriftFinding {
        DriftFinding(
            .listener, "\(listener.address):\(listener.port)", wish: wish, found: "\(who) listens there",
            whoCould: "\(who): its own program, or whoever changed what it runs",
            heal: "not healed: stop \(who) by hand; a port that is not the fleet's own is nobody's to close",
            canHeal: false)
    }

    private var deafEdge: [DriftFinding] {
        guard let wish = survey.ports.edge, survey.ports.isOwnEdge, !survey.table.listeners.isEmpty,
            survey.processes.contains(where: { $0.name == "edge" }),
            !survey.table.listeners.contains(where: { $0.port == wish.port && $0.address == wish.address })
        else { return [] }
        return [
            DriftFinding(
                .listener, "\(wish.address):\(wish.port)", wish: "the edge listens there", found: "nobody does",
                whoCould: "root, or whoever had nginx read another configuration",
                heal: "has nginx read its configuration again", canHeal: true)
        ]
    }
}
