import Fleet
import Planning
import Testing

@Suite("Proof judge, randomised")
struct ProofRandomTests {
    /// SplitMix64: the same seeds give the same cases everywhere.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }

    private static let strange = [
        "anyAction", "insert", "update", "remove", "serverStatus", "find ", "Find", "", "x", "viewUser", "internal",
        "findAndModify", "listDatabases", "dropDatabase",
    ]
    private static let places = ["shop.*", "shop.orders", "shop.system.js", "*.*", "any", "cluster", "payroll.*", "x"]

    @Test("an action or role that is on no allow-list is never proved, wherever it is put")
    func neverProved() {
        for seed in 0..<20_000 {
            var random = Seeded(state: UInt64(seed))
            let isCustom = Bool.random(using: &random)
            var evidence = isCustom ? ProofSamples.custom() : ProofSamples.mongod()
            let grants = isCustom ? [ProofSamples.orders] : [ProofSamples.shop]
            #expect(ProofSamples.verdict(evidence, grants) == .proved)
            spoil(&evidence, &random)
            #expect(!ProofSamples.verdict(evidence, grants).isProved, "seed \(seed): \(evidence)")
        }
    }

    private func spoil(_ evidence: inout ProofEvidence, _ random: inout Seeded) {
        let action = Self.strange.randomElement(using: &random) ?? "insert"
        let place = Self.places.randomElement(using: &random) ?? "shop.*"
        var actions = ProofSamples.readActions.shuffled(using: &random)
        actions.insert(action, at: Int.random(in: 0...actions.count, using: &random))
        let privilege = ProofEvidence.Privilege(resource: place, actions: actions)
        let role = DatabaseGrant(
            database: ["shop", "admin", "payroll"].randomElement(using: &random) ?? "shop",
            role: ["readWrite", "root", "dbOwner", "mystery", "Read", "readAnyDatabase"].randomElement(using: &random)
                ?? "mystery")
        let custom = evidence.customRoles.keys.sorted { $0.role < $1.role }.randomElement(using: &random)
        switch (Int.random(in: 0..<5, using: &random), custom) {
        case (0, let custom?): evidence.customRoles[custom]?.privileges.append(privilege)
        case (1, let custom?): evidence.customRoles[custom]?.inherited.append(role)
        case (2, _): evidence.roles.insert(role, at: Int.random(in: 0...evidence.roles.count, using: &random))
        case (3, _): spoilAttempt(&evidence, &random)
        default: evidence.privileges = (evidence.privileges ?? []) + [privilege]
        }
    }

    private func spoilAttempt(_ evidence: inout ProofEvidence, _ random: inout Seeded) {
        let index = Int.random(in: evidence.writeAttempts.indices, using: &random)
        let code = Int.random(in: 14...20_000, using: &random)
        let outcomes: [ProofEvidence.WriteAttempt.Outcome] = [.allowed, .refused(code: code), .unknown("")]
        evidence.writeAttempts[index].outcome = outcomes.randomElement(using: &random) ?? .allowed
    }
}
