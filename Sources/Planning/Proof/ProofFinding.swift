import Fleet

/// One thing that speaks against a user.
enum ProofFinding {
    case refuted(String)
    case unverified(String)

    /// Refuted outweighs unverified; among equals the first found speaks.
    static func verdict(of findings: [ProofFinding]) -> ProofVerdict {
        for case .refuted(let reason) in findings { return .refuted(reason) }
        for case .unverified(let reason) in findings { return .unverified(reason) }
        return .proved
    }

    /// What a privilege's actions and the kind of its resource say, whoever holds it.
    static func judge(_ privilege: ProofEvidence.Privilege, holder: String) -> [ProofFinding] {
        let place = privilege.resource
        var findings: [ProofFinding] = []
        for action in privilege.actions.sorted() {
            let reading = place == "cluster" ? PrivilegeActions.readingCluster : PrivilegeActions.reading
            if reading.contains(action) { continue }
            findings.append(
                PrivilegeActions.writing.contains(action)
                    ? .refuted("\(holder) allow \(action) on \(place)")
                    : .unverified("\(holder) hold action \(action) on \(place), which is on no list of read actions"))
        }
        if place == "any", !privilege.actions.isEmpty {
            findings.append(.refuted("\(holder) reach every resource, users and system collections too"))
        }
        return findings
    }
}

extension Set<DatabaseGrant> {
    /// The same findings speak in the same order every time.
    var inOrder: [DatabaseGrant] { sorted { ($0.database, $0.role) < ($1.database, $1.role) } }
}
