import Fleet

/// Compares what a host is with what it should be: what stands in the way, or what to change.
package struct BootstrapJudge: Sendable {
    package enum Finding: Sendable, Equatable {
        /// Nothing may be changed before these are gone; never empty.
        case refused([Failure])
        /// In order; without `fleet` and `firewall`, of which only a convoy on the host knows.
        case changes([BootstrapChange])
    }

    /// Clocks that are further apart than this make tokens and certificates good or bad at random.
    package static let clockBound: Seconds = 30
    static let oldestSystemd = 252
    static let oldestDebian = 12
    private static let mebibyte = 1 << 20
    /// Directory -> bytes that the package, a release and its bytecode, and logs take in any case.
    private static let room = [("/usr", 160), ("/etc", 8), ("/var/lib", 512)]
    private static let roomForUpkeep = 32
    /// Where fleet.yaml says nothing of what an instance may take.
    private static let usualInstance = 64 << 20

    package let host: HostSpec
    package let wish: BootstrapWish

    package init(_ host: HostSpec, _ wish: BootstrapWish) {
        self.host = host
        self.wish = wish
    }

    /// - Parameter now: seconds since 1970 when the facts arrived, and how long they may have been on their way.
    package func judge(_ facts: HostFacts, now: Double, delay: Double = 0) -> Finding {
        let needed = system(facts) + clock(facts, now: now, delay: delay) + room(facts) + tools(facts) + edge(facts)
        let refusals = needed + files(facts)
        return refusals.isEmpty ? .changes(changes(facts)) : .refused(refusals)
    }

    private func changes(_ facts: HostFacts) -> [BootstrapChange] {
        var changes: [BootstrapChange] = []
        if isToInstall(facts) {
            // One that was there before keeps what its administrator has made of it.
            if wish.spec.edge.mode == .dedicated, !facts.programs.contains("nginx") { changes.append(.quietNginx) }
            changes.append(.package)
        }
        if !facts.hasCredentialKey { changes.append(.credentialKey) }
        if !facts.releases.contains(wish.release.digest) { changes.append(.release) }
        if wish.files.contains(where: { facts.files[$0.key] != $0.value }) { changes.append(.files) }
        return changes
    }

    private func isToInstall(_ facts: HostFacts) -> Bool {
        guard let package = wish.package else { return false }
        return facts.package != package.version || facts.packageFile != package.digest
    }

    private static func mebibytes(_ bytes: Int) -> String { "\(bytes / mebibyte) MiB" }

    private func refusal(_ why: String, next: String) -> Failure {
        Failure(.failed, "cannot bootstrap \(host.name)", because: why, next: next)
    }
}

// MARK: What stands in the way

extension BootstrapJudge {
    private func system(_ facts: HostFacts) -> [Failure] {
        var found: [Failure] = []
        let version = Int(facts.systemVersion.prefix { $0 != "." }) ?? 0
        if facts.system != "debian" || version < Self.oldestDebian {
            found.append(
                refusal(
                    "it runs \(facts.system.isEmpty ? "an unknown system" : "\(facts.system) \(facts.systemVersion)")",
                    next: "give it Debian \(Self.oldestDebian) or newer"))
        }
        if let package = wish.package, !facts.architecture.isEmpty, package.architecture != facts.architecture {
            found.append(
                refusal(
                    "it is \(facts.architecture), the package is for \(package.architecture)",
                    next: "build the package on a machine like it"))
        }
        if (facts.systemd ?? 0) < Self.oldestSystemd {
            let has = facts.systemd.map { "its systemd is \($0)" } ?? "systemd does not run it"
            found.append(refusal(has, next: "Convoy needs systemd \(Self.oldestSystemd) or newer"))
        }
        return found
    }

    private func clock(_ facts: HostFacts, now: Double, delay: Double) -> [Failure] {
        guard let clock = facts.clock else { return [] }
        // The host told it somewhere between the question and the answer.
        let skew = clock > now ? clock - now : max(0, now - delay - clock)
        guard skew > Self.clockBound.value else { return [] }
        let way = clock > now ? "ahead of" : "behind"
        return [
            refusal(
                "its clock is \(Seconds(skew.rounded()).spelled) \(way) this machine's",
                next: "set both by NTP (timedatectl set-ntp true): tokens and certificates are good for a time")
        ]
    }

    private func room(_ facts: HostFacts) -> [Failure] {
        let isFirst = !facts.releases.contains(wish.release.digest)
        var found = Self.room.compactMap { place, megabytes -> Failure? in
            guard let disk = facts.disks[place] else { return nil }
            let needed = (isFirst ? megabytes : min(megabytes, Self.roomForUpkeep)) * Self.mebibyte
            if disk.freeBytes < needed {
                return refusal(
                    "\(place) has \(Self.mebibytes(disk.freeBytes)) left and needs \(Self.mebibytes(needed))",
                    next: "make room there")
            }
            return disk.freeFiles < 1000 ? refusal("\(place) has no inodes left", next: "make room there") : nil
        }
        let instances = wish.spec.pools.reduce(0) { sum, pool in
            sum + pool.replicas * (wish.spec.resources(of: pool.name)?.memory ?? Self.usualInstance)
        }
        // Where the fleet runs already, what is free is what it leaves.
        if isFirst, facts.package == nil, let free = facts.freeMemory, free < instances {
            found.append(
                refusal(
                    "it has \(Self.mebibytes(free)) of memory left, its instances may take \(Self.mebibytes(instances))",
                    next: "lower replicas or resources/memory, or take a larger host"))
        }
        return found
    }

    private func tools(_ facts: HostFacts) -> [Failure] {
        var found: [Failure] = []
        if !facts.programs.contains("systemd-creds") {
            found.append(
                refusal(
                    "it has no systemd-creds, which keeps the instances' credentials",
                    next: "apt-get install systemd on it"))
        }
        if isToInstall(facts) {
            for tool in ["apt-get", "dpkg", "sha256sum"] where !facts.programs.contains(tool) {
                found.append(refusal("it has no \(tool)", next: "Convoy is installed as a Debian package"))
            }
        } else if wish.package == nil, facts.package != wish.version {
            let has = facts.package.map { "its convoy is \($0), this one \(wish.version)" } ?? "it has no convoy"
            found.append(refusal(has, next: "name the package to bring it with --package (ops/package builds it)"))
        }
        for program in wish.programs where !facts.programs.contains(program) {
            found.append(
                refusal(
                    "it has no \(program), which starts \(wish.release.reference)",
                    next: "install it there (Debian: apt-get install nodejs), or link it there"))
        }
        if let python = facts.python, !wish.release.platform.isEmpty, wish.release.platform != python {
            found.append(
                refusal(
                    "its Python is \(python), the release is for \(wish.release.platform)",
                    next: "lock the release on a machine like it"))
        }
        return found
    }

    private func edge(_ facts: HostFacts) -> [Failure] {
        let edge = wish.spec.edge
        var found: [Failure] = []
        found += portOfEdge(facts)
        if edge.mode == .dedicated {
            // One that came after Convoy's own lives beside it.
            if facts.edgePids.isEmpty, let pid = facts.otherNginx.first {
                found.append(
                    refusal(
                        "another nginx runs there (pid \(pid)), and the edge brings one of its own",
                        next: "use that one by `edge.mode: include`, or `systemctl disable --now nginx` there"))
            }
        } else {
            found += otherNginx(facts)
        }
        let ours = wish.spec.ports.first...wish.spec.ports.last
        if facts.package == nil, let other = facts.listeners.first(where: { ours.contains($0.port) }) {
            found.append(
                refusal(
                    "port \(other.port), one of the instances', is taken by \(other.owner ?? "somebody")",
                    next: "choose other ports in fleet.yaml (ports: {first: ..., last: ...})"))
        }
        return found
    }

    /// Else it would be told by `up`, when all else is changed already.
    private func otherNginx(_ facts: HostFacts) -> [Failure] {
        var found: [Failure] = []
        if facts.otherNginx.isEmpty {
            found.append(
                refusal(
                    "no nginx of its own runs there, whose the edge is to be a part of (edge/mode: include)",
                    next: "`systemctl enable --now nginx` there, or remove mode: include"))
        }
        if let folder = wish.includeFolder, !facts.directories.contains(folder) {
            found.append(
                refusal(
                    "there is no directory \(folder), from which its nginx would read the fleet's file",
                    next: "name a file in edge/include that it reads: see the `include` lines in its http block"))
        }
        return found
    }

    private func portOfEdge(_ facts: HostFacts) -> [Failure] {
        let port = wish.spec.edge.listen.port
        let isShared = wish.spec.edge.mode == .include
        let others = facts.listeners.filter { listener in
            // An nginx that is there may have the port for sites of its own; any of its processes is named.
            if isShared, listener.owner?.hasPrefix("nginx ") ?? true { return false }
            return listener.port == port && !(listener.pid.map(facts.edgePids.contains) ?? false)
        }
        guard let other = others.first else { return [] }
        return [
            refusal(
                "port \(port), the edge's, is taken by \(other.owner ?? "somebody")",
                next: "end that, or choose another port in edge/url and edge/listen")
        ]
    }

    private func files(_ facts: HostFacts) -> [Failure] {
        wish.ownFiles.filter { facts.files[$0] == nil }.map {
            refusal(
                "\($0) is not there, which fleet.yaml names",
                next: "put it there, or name it relative to fleet.yaml, beside which it is then shipped from")
        }
    }
}
