import Fleet
import MongoDB
import Planning
import Testing

@Suite("Proof on a database (real parts)", .enabled(if: RealDatabase.parts != nil), .serialized)
struct RealProofTests {
    private let read = DatabaseGrant(database: "shop", role: "read")
    private let name = "convoy-shop-analytics-1-g1"
    private let password = Secret("pass-0815-word")
    private let quick = MongoTimeouts(selection: 1, connect: 1, answer: 1, total: 2)

    private func verdict(
        _ database: RealDatabase, _ grants: [DatabaseGrant], timeouts: MongoTimeouts = MongoTimeouts()
    ) async throws -> ProofVerdict {
        let uri = try InstanceURI.make(base: database.base, user: name, password: password)
        let evidence = try await MongoProofSource(timeouts: timeouts).evidence(uri: uri, grants: grants)
        return ProofJudge().judge(evidence, user: name, grants: grants)
    }

    private func withReader(_ body: (RealDatabase, MongoUserDirectory) async throws -> Void) async throws {
        try await RealDatabase.with { database in
            try await database.python(
                "c.shop.orders.insert_many([{'n': n} for n in range(20)]); c.stock.items.insert_one({})")
            let directory = MongoUserDirectory(adminURI: database.rootURI)
            _ = try await directory.ensure(name, password: password, grants: [read])
            try await body(database, directory)
        }
    }

    /// Every database, collection and document there is.
    private func content(_ database: RealDatabase) async throws -> String {
        try await database.python(
            """
            print(json.dumps({d: {n: sorted(map(str, c[d][n].find({}))) for n in sorted(c[d].list_collection_names())}
                for d in sorted(c.list_database_names()) if d not in ('admin', 'config', 'local')}))
            """)
    }

    @Test("a reader is proved; given readWrite behind our back it is refuted by name; corrected, proved again")
    func behindOurBack() async throws {
        try await withReader { database, directory in
            #expect(try await verdict(database, [read]) == .proved)
            try await database.python(
                "c.admin.command('grantRolesToUser', '\(name)', roles=[{'role': 'readWrite', 'db': 'shop'}])")
            #expect(try await verdict(database, [read]) == .refuted("role readWrite on shop allows insert"))
            #expect(try await !directory.holdsExactly(name, grants: [read]))
            #expect(try await directory.ensure(name, password: password, grants: [read]) == .corrected)
            #expect(try await verdict(database, [read]) == .proved)
        }
    }

    @Test("a reader of two databases is proved, one more read role is refuted")
    func twoDatabases() async throws {
        try await withReader { database, directory in
            let both = [read, DatabaseGrant(database: "stock", role: "read")]
            _ = try await directory.ensure(name, password: password, grants: both)
            #expect(try await verdict(database, both) == .proved)
            guard case .refuted(let reason) = try await verdict(database, [read]) else {
                Issue.record("not refuted")
                return
            }
            #expect(reason.contains("role read on stock"))
        }
    }

    @Test("a proof writes nothing, not even as a user who may write everything")
    func writesNothing() async throws {
        try await withReader { database, directory in
            let grants = [
                DatabaseGrant(database: "shop", role: "readWrite"),
                DatabaseGrant(database: "empty", role: "readWrite"),
            ]
            _ = try await directory.ensure(name, password: password, grants: grants)
            let before = try await content(database)
            let uri = try InstanceURI.make(base: database.base, user: name, password: password)
            let evidence = try await MongoProofSource().evidence(uri: uri, grants: grants)
            #expect(evidence.writeAttempts.count == 2)
            #expect(evidence.writeAttempts.allSatisfy { $0.outcome == .allowed })
            #expect(try await content(database) == before)
        }
    }

    @Test("a custom role that the server won't show to its holder is unverified")
    func customRole() async throws {
        try await withReader { database, directory in
            try await database.python(
                """
                c.shop.command('createRole', 'ordersReader', roles=[], privileges=[
                    {'resource': {'db': 'shop', 'collection': 'orders'}, 'actions': ['find']}])
                """)
            let grant = DatabaseGrant(database: "shop", role: "ordersReader")
            _ = try await directory.ensure(name, password: password, grants: [grant])
            guard case .unverified(let reason) = try await verdict(database, [grant]) else {
                Issue.record("not unverified")
                return
            }
            #expect(reason.contains("ordersReader"))
        }
    }

    @Test("fifty proofs leave no connection behind")
    func noConnections() async throws {
        try await withReader { database, _ in
            for _ in 1...50 {
                let verdict = try await verdict(database, [read])
                #expect(verdict == .proved)
            }
            let left = try database.connections()
            #expect(left == 0)
        }
    }

    @Test("a wrong password, a missing user and a database that is away are failures without a secret")
    func failures() async throws {
        try await withReader { database, directory in
            let wrong = try InstanceURI.make(base: database.base, user: name, password: Secret("wrong-4711"))
            let missing = try InstanceURI.make(base: database.base, user: "nobody", password: password)
            let source = MongoProofSource(timeouts: quick)
            var seen: [Failure] = []
            for uri in [wrong, missing] {
                let refused = try await failure { _ = try await source.evidence(uri: uri, grants: [read]) }
                #expect(refused.code == .failed)
                seen.append(refused)
            }
            await database.goAway()
            let start = ContinuousClock.now
            let away = try await failure { _ = try await source.evidence(uri: wrong, grants: [read]) }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(away.code == .unavailable)
            for each in seen + [away] {
                #expect(each.what.contains("127.0.0.1:\(database.port) as "))
                for word in ["4711", password.reveal(), "mongodb://"] { #expect(!each.description.contains(word)) }
            }
        }
    }

    @Test("a server that stops answering is given up in time")
    func blocked() async throws {
        try await withReader { database, _ in
            try await failConnectionStatus(database, "'blockConnection': True, 'blockTimeMS': 30000")
            let start = ContinuousClock.now
            let seen = try await failure { _ = try await verdict(database, [read], timeouts: quick) }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(seen.code == .unavailable)
        }
    }

    @Test("a connection that the server cuts is no proof")
    func cut() async throws {
        try await withReader { database, _ in
            try await failConnectionStatus(database, "'closeConnection': True")
            let seen = try await failure { _ = try await verdict(database, [read], timeouts: quick) }
            #expect(seen.code == .unavailable)
            #expect(try await verdict(database, [read]) == .proved)
        }
    }

    private func failConnectionStatus(_ database: RealDatabase, _ how: String) async throws {
        try await database.python(
            """
            c.admin.command('configureFailPoint', 'failCommand', mode={'times': 1}, data={
                'failCommands': ['connectionStatus'], \(how)})
            """)
    }

    @Test(
        "a text that is no connection string is refused without quoting it",
        arguments: ["", "hush", "mongodb://u:hush@h:x/?y"])
    func badURI(text: String) async throws {
        let refused = try await failure { _ = try await MongoProofSource().evidence(uri: Secret(text), grants: [read]) }
        #expect(!refused.description.contains("hush"))
    }
}
