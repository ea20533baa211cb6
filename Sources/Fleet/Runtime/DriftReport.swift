/// One difference between what Convoy made and what is there.
package struct DriftFinding: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// Bytes of a unit, of the edge's configuration, of the gate's policy, of the supervisor's own records.
        case unit, edge, policy, record
        /// A secret file that is missing, or does not hold what the host's other files say.
        case credential
        /// A file of a release that changed, or went.
        case release
        /// Something in a release that it never had.
        case package
        /// What a live process runs: its program, its arguments, the names in its environment.
        case program, arguments, environment
        /// A daemon of ours that is not the binary that is installed.
        case binary
        /// A database user too many or too few, its roles, what these allow beyond reading.
        case user, role, privilege
        case listener, firewall
        case mode, owner
        /// A file where only Convoy's own belong.
        case stray
        /// What is left of a generation that is gone.
        case generation
        /// fleet.yaml or fleet.lock say something else than what runs.
        case plan
    }

    /// Where it was found; nil for what is the fleet's as a whole, and on a fleet of one host.
    package var host: String?
    package var kind: Kind
    /// A path, a process, a database user.
    package var subject: String
    /// What Convoy made. Never a secret, as nothing in here is.
    package var wish: String
    package var found: String
    /// Who could have made the difference, in words.
    package var whoCould: String
    /// What `--heal` does about it, or why it does nothing and what a person should do.
    package var heal: String
    package var canHeal: Bool

    package init(
        _ kind: Kind, _ subject: String, wish: String, found: String, whoCould: String, heal: String, canHeal: Bool
    ) {
        self.kind = kind
        self.subject = subject
        self.wish = wish
        self.found = found
        self.whoCould = whoCould
        self.heal = heal
        self.canHeal = canHeal
    }

    /// The same difference, however far it has got.
    package var identity: String { (host.map { $0 + " " } ?? "") + "\(kind.rawValue) \(subject)" }

    /// Every key is always there.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(kind, forKey: .kind)
        try container.encode(subject, forKey: .subject)
        try container.encode(wish, forKey: .wish)
        try container.encode(found, forKey: .found)
        try container.encode(whoCould, forKey: .whoCould)
        try container.encode(heal, forKey: .heal)
        try container.encode(canHeal, forKey: .canHeal)
    }
}

/// What `convoy drift --json` prints: one stable document (`ops/schemas/drift.schema.json`).
package struct DriftReport: Sendable, Equatable, Codable {
    package var fleet: String
    package var findings: [DriftFinding]
    /// What `--heal` has done, in words.
    package var healed: [String]
    /// What is worth knowing and is no difference, such as an admin's drop-ins.
    package var notes: [String]
    /// What could not be looked at, and why.
    package var unseen: [String]

    package init(
        fleet: String, findings: [DriftFinding] = [], healed: [String] = [], notes: [String] = [],
        unseen: [String] = []
    ) {
        self.fleet = fleet
        self.findings = findings
        self.healed = healed
        self.notes = notes
        self.unseen = unseen
    }
}
