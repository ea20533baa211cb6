import Fleet
import Planning

/// Evidence in the shapes that real servers give, to start from and spoil.
enum ProofSamples {
    static let user = "convoy-shop-analytics-1-g2"
    static let shop = DatabaseGrant(database: "shop", role: "read")

    /// What a mongod of release 8.2 reports for a user with `read` on `shop`.
    static let readActions = [
        "changeStream", "collStats", "dbHash", "dbStats", "find", "killCursors", "listCollections", "listIndexes",
        "listSearchIndexes", "performRawDataOperations", "planCacheRead",
    ]

    static func reader(
        of grants: [DatabaseGrant] = [shop], privileges: [ProofEvidence.Privilege]? = nil
    ) -> ProofEvidence {
        ProofEvidence(
            authenticatedAs: ["admin.\(user)"], roles: grants, privileges: privileges, customRoles: [:],
            writeAttempts: refusals(on: grants.map(\.database)))
    }

    static func mongod() -> ProofEvidence {
        reader(privileges: [
            .init(resource: "shop.*", actions: readActions), .init(resource: "shop.system.js", actions: readActions),
        ])
    }

    /// A custom role that reads one collection, and inherits another one that reads a second.
    static let orders = DatabaseGrant(database: "shop", role: "ordersReader")
    static let items = DatabaseGrant(database: "shop", role: "itemsReader")

    static func custom() -> ProofEvidence {
        var evidence = reader(of: [orders])
        evidence.roles = [orders, items]
        evidence.customRoles = [
            orders: .init(privileges: [.init(resource: "shop.orders", actions: ["find"])], inherited: [items]),
            items: .init(privileges: [.init(resource: "shop.items", actions: ["find", "collStats"])], inherited: []),
        ]
        return evidence
    }

    static func refusals(on databases: [String]) -> [ProofEvidence.WriteAttempt] {
        databases.flatMap { database in
            ProofEvidence.WriteAttempt.Kind.allCases.map {
                .init(kind: $0, database: database, outcome: .refused(code: 13))
            }
        }
    }

    static func verdict(_ evidence: ProofEvidence, _ grants: [DatabaseGrant] = [shop]) -> ProofVerdict {
        ProofJudge().judge(evidence, user: user, grants: grants)
    }
}
