import Fleet

/// Wish and reality side by side, as far as somebody could look: what `DriftJudge` judges. Of secrets it holds
/// whether they agree, never what they are.
package struct DriftSurvey: Sendable, Equatable, Codable {
    package var fleet: String
    package var supervisorVersion: String
    package var files: [FileSighting] = []
    package var strays: [StrayFile] = []
    package var credentials: [CredentialSighting] = []
    package var processes: [ProcessSighting] = []
    package var ports: PortWish
    package var table = ProcessTable()
    package var releases: [ReleaseSighting] = []
    package var users: [UserWish] = []
    /// Users that the database has under our names; nil while nobody has asked it.
    package var holdings: [UserHolding]?
    /// What the operator's files say; nil while nobody has compared them.
    package var plan: PlanSighting?
    package var generations: [Int] = []
    /// Revisions of the gate's policy: the one that was written, and the one that it applies.
    package var writtenPolicy: Int?
    package var appliedPolicy: Int?
    package var notes: [String] = []
    package var unseen: [String] = []

    package init(fleet: String, supervisorVersion: String, ports: PortWish) {
        self.fleet = fleet
        self.supervisorVersion = supervisorVersion
        self.ports = ports
    }
}

// MARK: Files

package enum FileNature: String, Sendable, Equatable, Codable { case file, directory, link, socket, other }

package struct FileWish: Sendable, Equatable, Codable {
    package var path: String
    /// What a difference of its bytes is.
    package var kind: DriftFinding.Kind
    package var nature: FileNature
    /// Nil where others choose.
    package var mode: UInt16?
    /// Bits of the mode that it must not have, where others choose the rest.
    package var forbidden: UInt16
    package var owner: UInt32?
    /// Of a file's bytes, or of a link's target; nil where these are compared in another way.
    package var digest: Digest?
    /// What `--heal` does about missing or other bytes; nil when it does nothing.
    package var remedy: String?

    package init(
        _ path: String, _ kind: DriftFinding.Kind, _ nature: FileNature = .file, mode: UInt16? = nil,
        forbidden: UInt16 = 0, owner: UInt32? = nil, digest: Digest? = nil, remedy: String? = nil
    ) {
        self.path = path
        self.kind = kind
        self.nature = nature
        self.mode = mode
        self.forbidden = forbidden
        self.owner = owner
        self.digest = digest
        self.remedy = remedy
    }
}

package struct FileFact: Sendable, Equatable, Codable {
    package var nature: FileNature
    package var mode: UInt16
    package var owner: UInt32
    package var ownerName: String
    package var digest: Digest?

    package init(nature: FileNature, mode: UInt16, owner: UInt32, ownerName: String, digest: Digest?) {
        self.nature = nature
        self.mode = mode
        self.owner = owner
        self.ownerName = ownerName
        self.digest = digest
    }
}

package struct FileSighting: Sendable, Equatable, Codable {
    package var wish: FileWish
    /// Nil: nothing is there.
    package var fact: FileFact?

    package init(wish: FileWish, fact: FileFact?) {
        self.wish = wish
        self.fact = fact
    }
}

/// Something where only Convoy's own belong.
package struct StrayFile: Sendable, Equatable, Codable {
    package var path: String
    /// `stray`, or `generation` for what is left of one.
    package var kind: DriftFinding.Kind
    package var fact: FileFact?

    package init(path: String, kind: DriftFinding.Kind, fact: FileFact?) {
        self.path = path
        self.kind = kind
        self.fact = fact
    }
}

package struct CredentialSighting: Sendable, Equatable, Codable {
    package var path: String
    /// Why it can't be right, without any of it; nil when it agrees with what the host's other files say.
    package var fault: String?

    package init(path: String, fault: String?) {
        self.path = path
        self.fault = fault
    }
}

// MARK: Releases

package struct ReleaseChange: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Equatable, Codable { case changed, missing, added, mode }

    package var kind: Kind
    /// Below the release's directory. Of what was added only the topmost.
    package var path: String

    package init(_ kind: Kind, _ path: String) {
        self.kind = kind
        self.path = path
    }
}

package struct ReleaseSighting: Sendable, Equatable, Codable {
    package var release: ReleaseStamp
    package var directory: String
    package var changes: [ReleaseChange]

    package init(release: ReleaseStamp, directory: String, changes: [ReleaseChange]) {
        self.release = release
        self.directory = directory
        self.changes = changes
    }
}

// MARK: The database and the operator's files

package struct UserWish: Sendable, Equatable, Codable {
    package var name: String
    package var instance: String
    package var grants: [DatabaseGrant]
    /// What the supervisor's newest proof of it says; nil before the first.
    package var verdict: ProofVerdict?

    package init(name: String, instance: String, grants: [DatabaseGrant], verdict: ProofVerdict?) {
        self.name = name
        self.instance = instance
        self.grants = grants
        self.verdict = verdict
    }
}

/// A database user and the roles that it holds.
package struct UserHolding: Sendable, Equatable, Codable {
    package var name: String
    /// Where the user lives.
    package var database: String
    package var grants: [DatabaseGrant]

    package init(name: String, database: String, grants: [DatabaseGrant]) {
        self.name = name
        self.database = database
        self.grants = grants
    }
}

package struct PlanSighting: Sendable, Equatable, Codable {
    package var changes: [ChangePlan.Change]
    /// The release that fleet.lock has for fleet.yaml's; nil when it has none.
    package var locked: Digest?
    package var running: Digest?
    /// By the ledger and by the supervisor.
    package var current: Int?
    package var serving: Int?
    package var operatorVersion: String

    package init(
        changes: [ChangePlan.Change], locked: Digest?, running: Digest?, current: Int?, serving: Int?,
        operatorVersion: String
    ) {
        self.changes = changes
        self.locked = locked
        self.running = running
        self.current = current
        self.serving = serving
        self.operatorVersion = operatorVersion
    }
}
