import Fleet

/// Says whether a host may be updated, and whether the update has done it good.
package struct UpdateJudge: Sendable {
    package enum Finding: Sendable, Equatable {
        case refused([Failure])
        /// It has this very package.
        case unchanged
        case needed
    }

    package enum Health: Sendable, Equatable {
        case healthy
        /// It may become so: what is missing.
        case waiting(String)
        /// It won't become so.
        case harmed(String)
    }

    private static let mebibyte = 1 << 20
    /// Directory -> bytes: the next program beside this one; files of both packages, and a copy while one is packed.
    private static let room = [("/usr", 200), ("/var/lib", 400)]

    package let host: HostSpec
    package let wish: UpdateWish

    package init(_ host: HostSpec, _ wish: UpdateWish) {
        self.host = host
        self.wish = wish
    }

    package func judge(_ facts: UpdateFacts) -> Finding {
        // While it is being installed there is none.
        if let trial = facts.trial {
            guard trial.isUndoing || trial.digest != wish.package.digest else { return .needed }
            let next = "wait: unconfirmed, it goes back by itself"
            return .refused([refusal("another update is under way there", next: next)])
        }
        guard let version = facts.package else {
            return .refused([refusal("it has no convoy", next: "`convoy bootstrap` brings it one")])
        }
        if version == wish.package.version, facts.packageFile == wish.package.digest { return .unchanged }
        let found = package(facts) + space(facts) + state(facts)
        return found.isEmpty ? .needed : .refused(found)
    }

    /// - Parameter before: what must be as it was.
    package func health(_ facts: UpdateFacts, since before: UpdateFacts.Lasting) -> Health {
        for (unit, pid) in before.instances.sorted(by: { $0.key < $1.key }) where facts.lasting.instances[unit] != pid {
            return .harmed("\(unit) was restarted or ended")
        }
        if let edge = before.edge, facts.lasting.edge != edge { return .harmed("its edge was restarted or ended") }
        guard facts.supervisor.isActive, facts.supervisor.isCurrent else {
            return .waiting("its supervisor does not run")
        }
        guard let fleet = facts.fleet else { return .waiting("its supervisor does not answer") }
        if before.hasGate, !(facts.gate.isActive && facts.gate.isCurrent) {
            return .waiting("its gate is not the new one yet")
        }
        // Without a fleet there is nothing to converge to.
        if fleet.generation > 0 || !before.instances.isEmpty, !fleet.converged {
            return .waiting(fleet.complaints.first ?? "its fleet is not whole")
        }
        guard facts.lasting.answer == before.answer else {
            return .waiting("its edge answers a stranger with \(facts.lasting.answer.map(String.init) ?? "nothing")")
        }
        return .healthy
    }

    private func package(_ facts: UpdateFacts) -> [Failure] {
        var found: [Failure] = []
        if facts.architecture != wish.package.architecture {
            found.append(
                refusal(
                    "it is \(facts.architecture), the package is for \(wish.package.architecture)",
                    next: "build the package on a machine like it"))
        }
        // A way back that was changed by hand leads nobody knows where.
        if let file = facts.changedFiles.first {
            found.append(
                refusal(
                    "\(file) is not as its package brought it", next: "`apt-get install --reinstall` that package there"
                ))
        }
        return found
    }

    private func space(_ facts: UpdateFacts) -> [Failure] {
        Self.room.compactMap { place, megabytes in
            guard let free = facts.room[place], free < megabytes * Self.mebibyte else { return nil }
            return refusal(
                "\(place) has \(free / Self.mebibyte) MiB left and needs \(megabytes) MiB", next: "make room there")
        }
    }

    private func state(_ facts: UpdateFacts) -> [Failure] {
        guard facts.supervisor.isActive else {
            let next = "`systemctl start convoy-supervisor` there, and see why not"
            return [refusal("its supervisor does not run", next: next)]
        }
        guard let fleet = facts.fleet else {
            return [refusal("its supervisor does not answer", next: "see `journalctl -u convoy-supervisor` there")]
        }
        // Whether the next one does well can't be told from a fleet that did not.
        guard fleet.generation == 0 || fleet.converged else {
            return [
                refusal(
                    "its fleet is not whole: \(fleet.complaints.first ?? "a rollout is open")",
                    next: "mend that first: `convoy status` there")
            ]
        }
        return []
    }

    private func refusal(_ why: String, next: String) -> Failure {
        Failure(.failed, "cannot update \(host.name)", because: why, next: next)
    }
}
