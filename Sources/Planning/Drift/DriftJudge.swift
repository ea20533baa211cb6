import Fleet

/// Finds the differences between wish and reality and says of each who could have made it.
package struct DriftJudge: Sendable {
    let survey: DriftSurvey
    let family: ProcessFamily

    package init(_ survey: DriftSurvey) {
        self.survey = survey
        family = ProcessFamily(survey)
    }

    /// In a stable order: kind, then subject.
    package var report: DriftReport {
        var findings = files + policy + strays + credentials + releases + processes + listeners + database + plans
        findings.sort { ($0.kind.rawValue, $0.subject, $0.found) < ($1.kind.rawValue, $1.subject, $1.found) }
        var seen: Set<DriftFinding> = []
        return DriftReport(
            fleet: survey.fleet, findings: findings.filter { seen.insert($0).inserted }, notes: survey.notes,
            unseen: survey.unseen + blind)
    }

    /// Only what no host can tell: the database's users, and the operator's files.
    package var fleetReport: DriftReport {
        let findings = (database + plans).sorted { ($0.kind.rawValue, $0.subject) < ($1.kind.rawValue, $1.subject) }
        return DriftReport(fleet: survey.fleet, findings: findings, unseen: survey.unseen)
    }

    // MARK: Files

    private var files: [DriftFinding] { survey.files.flatMap(Self.judge) }

    /// What one file is, and what it should be.
    package static func judge(_ sighting: FileSighting) -> [DriftFinding] {
        let wish = sighting.wish
        let remedy = wish.remedy ?? "not healed: `convoy down`, then `convoy up` makes it again"
        let canHeal = wish.remedy != nil
        guard let fact = sighting.fact else {
            return [
                DriftFinding(
                    wish.kind, wish.path, wish: "a \(wish.nature.words)", found: "missing",
                    whoCould: "root, or whoever may write to its directory", heal: remedy, canHeal: canHeal)
            ]
        }
        guard fact.nature == wish.nature else {
            return [
                DriftFinding(
                    wish.kind, wish.path, wish: "a \(wish.nature.words)", found: "a \(fact.nature.words)",
                    whoCould: "root, or whoever may write to its directory",
                    heal: "not healed: look at it, and move it away by hand", canHeal: false)
            ]
        }
        var findings: [DriftFinding] = []
        if let digest = wish.digest, fact.digest != digest {
            findings.append(
                DriftFinding(
                    wish.kind, wish.path, wish: "bytes \(digest.short)",
                    found: fact.digest.map { "bytes \($0.short)" } ?? "bytes that can't be read",
                    whoCould: writers(fact), heal: remedy, canHeal: canHeal))
        }
        let excess = fact.mode & wish.forbidden
        if let mode = wish.mode ?? (excess == 0 ? nil : fact.mode & ~wish.forbidden), fact.mode != mode {
            findings.append(
                DriftFinding(
                    .mode, wish.path, wish: octal(mode), found: octal(fact.mode),
                    whoCould: "root, or \(fact.ownerName), whose it is",
                    heal: "sets the mode to \(octal(mode))"
                        + (wish.kind == .credential ? "; if others may have read it, change the secret too" : ""),
                    canHeal: true))
        }
        if let owner = wish.owner, fact.owner != owner {
            findings.append(
                DriftFinding(
                    .owner, wish.path, wish: "user \(owner)", found: "user \(fact.owner) (\(fact.ownerName))",
                    whoCould: "root alone can give a file away", heal: "gives it back to user \(owner)",
                    canHeal: true))
        }
        return findings
    }

    /// Who may write a file: that is who can have changed it.
    private static func writers(_ fact: FileFact) -> String {
        if fact.mode & 0o002 != 0 { return "anybody on this host: others may write it" }
        let group = fact.mode & 0o020 != 0 ? ", or its group" : ""
        return fact.owner == 0 ? "root\(group)" : "root, or \(fact.ownerName), whose it is\(group)"
    }

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private var policy: [DriftFinding] {
        guard let written = survey.writtenPolicy, let applied = survey.appliedPolicy, written != applied else {
            return []
        }
        return [
            DriftFinding(
                .policy, "gate", wish: "applies revision \(written)", found: "applies revision \(applied)",
                whoCould: "root, or whoever may write its policy file",
                heal: "writes the policy again; the gate reads it",
                canHeal: true)
        ]
    }

    private var strays: [DriftFinding] {
        survey.strays.map { stray in
            let owner = stray.fact?.ownerName ?? "root"
            let isLeft = stray.kind == .generation
            return DriftFinding(
                stray.kind, stray.path, wish: "nothing there",
                found: isLeft ? "left of a generation that is gone" : "a \(stray.fact?.nature.words ?? "file")",
                whoCould: isLeft
                    ? "a convoy that was killed, or root" : "root, or \(owner), whose it is, or a person with a shell",
                heal: "puts it aside into quarantine; nothing is deleted", canHeal: true)
        }
    }

    private var credentials: [DriftFinding] {
        survey.credentials.compactMap { sighting in
            sighting.fault.map {
                DriftFinding(
                    .credential, sighting.path, wish: "what this host's other files say", found: $0,
                    whoCould: "root, or the user that runs the fleet",
                    heal: "not healed: change anything in fleet.yaml and run `convoy up`: new users, new secrets",
                    canHeal: false)
            }
        }
    }

    // MARK: Releases

    private var releases: [DriftFinding] {
        survey.releases.flatMap { sighting in
            sighting.changes.map { change in
                let isAdded = change.kind == .added
                return DriftFinding(
                    isAdded ? .package : .release, sighting.directory + "/" + change.path,
                    wish: isAdded
                        ? "nothing: the release never had it"
                        : "as sealed in \(sighting.release.name) \(sighting.release.version)",
                    found: change.kind == .mode ? "other mode" : change.kind.rawValue,
                    whoCould: "root, the user that runs the fleet, or a package installer that ran as one of them",
                    heal: "not healed, and nothing starts from it: `convoy up` puts it aside and installs it again",
                    canHeal: false)
            }
        }
    }
}

extension FileNature {
    var words: String { self == .link ? "symbolic link" : self == .other ? "special file" : rawValue }
}
