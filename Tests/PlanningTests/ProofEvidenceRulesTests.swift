import Fleet
import Planning
import Testing

@Suite("Proof judge: privileges, custom roles, write attempts")
struct ProofEvidenceRulesTests {
    private typealias Attempt = ProofEvidence.WriteAttempt

    @Test(
        "a reported privilege that writes is refuted, wherever it is",
        arguments: ["shop.*", "shop.orders", "payroll.*"])
    func writingPrivilege(resource: String) {
        var evidence = ProofSamples.mongod()
        evidence.privileges?.append(.init(resource: resource, actions: ["find", "insert"]))
        #expect(ProofSamples.verdict(evidence) == .refuted("its privileges allow insert on \(resource)"))
    }

    @Test("an action on no list is unverified", arguments: ["serverStatus", "somethingNew", "FIND", ""])
    func unknownAction(action: String) {
        var evidence = ProofSamples.mongod()
        evidence.privileges?.append(.init(resource: "shop.*", actions: [action]))
        guard case .unverified(let reason) = ProofSamples.verdict(evidence) else {
            Issue.record("not unverified")
            return
        }
        #expect(reason.contains("on no list of read actions"))
    }

    @Test(
        "reading outside the granted databases is refuted",
        arguments: ["payroll.*", "admin.system.users", "*.*", "any", "unrecognised", "shopping.*", "shop"])
    func outside(resource: String) {
        var evidence = ProofSamples.mongod()
        evidence.privileges?.append(.init(resource: resource, actions: ["find"]))
        guard case .refuted(let reason) = ProofSamples.verdict(evidence) else {
            Issue.record("not refuted")
            return
        }
        #expect(reason.contains("reach"))
    }

    @Test("any action on the cluster is no proof for a reader of one database", arguments: ["listDatabases", "find"])
    func cluster(action: String) {
        var evidence = ProofSamples.mongod()
        evidence.privileges?.append(.init(resource: "cluster", actions: [action]))
        #expect(!ProofSamples.verdict(evidence).isProved)
    }

    @Test("a custom role that the server did not spell out is unverified")
    func silentRole() {
        var evidence = ProofSamples.custom()
        evidence.customRoles[ProofSamples.orders] = nil
        evidence.roles = [ProofSamples.orders]
        guard case .unverified(let reason) = ProofSamples.verdict(evidence, [ProofSamples.orders]) else {
            Issue.record("not unverified")
            return
        }
        #expect(reason.contains("did not spell it out"))
    }

    @Test("an inherited role that the server did not spell out is unverified")
    func silentInheritedRole() {
        var evidence = ProofSamples.custom()
        evidence.customRoles[ProofSamples.items] = nil
        guard case .unverified(let reason) = ProofSamples.verdict(evidence, [ProofSamples.orders]) else {
            Issue.record("not unverified")
            return
        }
        #expect(reason.contains("itemsReader"))
    }

    @Test("a custom role that writes is refuted, even when only an inherited one does")
    func writingCustomRole() {
        var evidence = ProofSamples.custom()
        evidence.customRoles[ProofSamples.items]?.privileges.append(.init(resource: "shop.items", actions: ["remove"]))
        #expect(
            ProofSamples.verdict(evidence, [ProofSamples.orders])
                == .refuted("the privileges of role itemsReader on shop allow remove on shop.items"))
    }

    @Test("a custom role that inherits a built-in writer is refuted, also in a circle of roles")
    func inheritedWriter() {
        var evidence = ProofSamples.custom()
        evidence.customRoles[ProofSamples.items]?.inherited = [
            ProofSamples.orders, DatabaseGrant(database: "shop", role: "readWrite"),
        ]
        #expect(
            ProofSamples.verdict(evidence, [ProofSamples.orders]) == .refuted("role readWrite on shop allows insert"))
    }

    @Test("a custom role may not reach beyond its database", arguments: ["payroll.orders", "*.*", "any", "*.orders"])
    func wideCustomRole(resource: String) {
        var evidence = ProofSamples.custom()
        evidence.customRoles[ProofSamples.items]?.privileges.append(.init(resource: resource, actions: ["find"]))
        guard case .refuted = ProofSamples.verdict(evidence, [ProofSamples.orders]) else {
            Issue.record("not refuted")
            return
        }
    }

    @Test("a custom role of admin may name collections of other databases, but no wildcard")
    func adminRole() {
        let role = DatabaseGrant(database: "admin", role: "ordersReader")
        var evidence = ProofSamples.reader(of: [role], privileges: [.init(resource: "shop.orders", actions: ["find"])])
        evidence.customRoles = [role: .init(privileges: evidence.privileges ?? [], inherited: [])]
        #expect(ProofSamples.verdict(evidence, [role]) == .proved)
        evidence.customRoles[role]?.privileges.append(.init(resource: "*.*", actions: ["find"]))
        #expect(!ProofSamples.verdict(evidence, [role]).isProved)
    }

    @Test("a write that the server allowed is refuted", arguments: ProofEvidence.WriteAttempt.Kind.allCases)
    func allowed(kind: ProofEvidence.WriteAttempt.Kind) {
        var evidence = ProofSamples.reader()
        evidence.writeAttempts.append(.init(kind: kind, database: "shop", outcome: .allowed))
        #expect(ProofSamples.verdict(evidence) == .refuted("the server allowed the attempt to \(kind) on shop"))
    }

    @Test("each kind of write must have been tried on each granted database")
    func missingAttempt() {
        let grants = [ProofSamples.shop, DatabaseGrant(database: "stock", role: "read")]
        let complete = ProofSamples.reader(of: grants)
        #expect(ProofSamples.verdict(complete, grants) == .proved)
        for index in complete.writeAttempts.indices {
            var evidence = complete
            let gone = evidence.writeAttempts.remove(at: index)
            #expect(
                ProofSamples.verdict(evidence, grants)
                    == .unverified("there was no attempt to \(gone.kind) on \(gone.database)"))
        }
    }

    @Test(
        "a write that failed for another reason proves nothing",
        arguments: [
            ProofEvidence.WriteAttempt.Outcome.refused(code: 0), .refused(code: 8000), .refused(code: 371),
            .unknown("socket error"),
        ])
    func otherRefusal(outcome: ProofEvidence.WriteAttempt.Outcome) {
        var evidence = ProofSamples.reader()
        evidence.writeAttempts[1].outcome = outcome
        guard case .unverified = ProofSamples.verdict(evidence) else {
            Issue.record("not unverified")
            return
        }
    }

    @Test("refuted outweighs unverified, wherever each was found")
    func order() {
        var evidence = ProofSamples.reader()
        evidence.authenticatedAs = []
        evidence.writeAttempts = [.init(kind: .update, database: "shop", outcome: .allowed)]
        guard case .refuted = ProofSamples.verdict(evidence) else {
            Issue.record("not refuted")
            return
        }
    }
}
