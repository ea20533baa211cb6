/// One host of a fleet over several, as the operator reaches it. Every key is always there.
package struct HostStatus: Sendable, Equatable, Codable {
    package var name: String
    package var answers: Bool
    /// Since it was heard last, or was first asked; nil while it answers.
    package var silentSeconds: Double?
    /// Why it does not answer, or can't be counted on; empty when nothing is wrong.
    package var reason: String
    /// The one that it serves, 0 = none; nil when it does not answer.
    package var generation: Int?
    package var converged: Bool
    /// Whom it serves, as it last said; as the ledger says while it does not answer.
    package var door: HostDoor

    package init(
        name: String, answers: Bool, silentSeconds: Double?, reason: String, generation: Int?, converged: Bool,
        door: HostDoor = .open
    ) {
        self.name = name
        self.answers = answers
        self.silentSeconds = silentSeconds
        self.reason = reason
        self.generation = generation
        self.converged = converged
        self.door = door
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(answers, forKey: .answers)
        try container.encode(silentSeconds, forKey: .silentSeconds)
        try container.encode(reason, forKey: .reason)
        try container.encode(generation, forKey: .generation)
        try container.encode(converged, forKey: .converged)
        try container.encode(door, forKey: .door)
    }
}

/// Whom a host serves, apart from what it runs.
package enum HostDoor: String, Sendable, Equatable, Codable, CaseIterable {
    /// Everybody.
    case open
    /// Sessions that it has; nobody new.
    case cordoned
    /// Nobody: it was drained.
    case drained
    /// Nobody: the fleet went on without it.
    case behind
}
