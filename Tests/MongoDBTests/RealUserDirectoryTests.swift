import Fleet
import MongoDB
import Planning
import Testing

@Suite("Users on a database (real parts)", .enabled(if: RealDatabase.parts != nil), .serialized)
struct RealUserDirectoryTests {
    private let read = DatabaseGrant(database: "shop", role: "read")

    @Test("the directory keeps the contract")
    func contract() async throws {
        try await RealDatabase.with { database in
            try await checkUserDirectoryContract(MongoUserDirectory(adminURI: database.rootURI))
            #expect(try database.connections() == 0)
        }
    }

    @Test("users are made for SCRAM-SHA-256 alone, and others' users are left alone")
    func mechanisms() async throws {
        try await RealDatabase.with { database in
            let directory = MongoUserDirectory(adminURI: database.rootURI)
            _ = try await directory.ensure("convoy-a", password: Secret("p"), grants: [read])
            let seen = try await database.python(
                "print(c.admin.command('usersInfo', 'convoy-a')['users'][0]['mechanisms'])")
            #expect(seen == "['SCRAM-SHA-256']")
            #expect(try await directory.list(prefix: "") == ["convoy-a", "root"])
            try await directory.remove("convoy-a")
            #expect(try await directory.list(prefix: "") == ["root"])
        }
    }

    @Test("a connection string made for an instance is accepted by libmongoc and by pymongo")
    func instanceURI() async throws {
        try await RealDatabase.with { database in
            let password = Secret("p:/?#[]@!$&'()*+,;=% ü\"\\")
            let directory = MongoUserDirectory(adminURI: database.rootURI)
            _ = try await directory.ensure("convoy-a@b", password: password, grants: [read])
            let uri = try InstanceURI.make(base: database.base, user: "convoy-a@b", password: password)
            let evidence = try await MongoProofSource().evidence(uri: uri, grants: [read])
            #expect(evidence.authenticatedAs == ["admin.convoy-a@b"])
            let ask = "print(c.admin.command('connectionStatus')['authInfo']['authenticatedUsers'][0]['user'])"
            #expect(try await database.python(ask, uri: uri) == "convoy-a@b")
        }
    }

    @Test("an unknown role, a user without the right and a wrong password each say what to do, and no secret")
    func failures() async throws {
        try await RealDatabase.with { database in
            let hush = Secret("hush-hush-4711")
            let directory = MongoUserDirectory(adminURI: database.rootURI)
            let unknown = DatabaseGrant(database: "shop", role: "noSuchRole")
            let role = try await failure {
                _ = try await directory.ensure("convoy-a", password: hush, grants: [unknown])
            }
            #expect(role.code == .failed)
            #expect(role.next.contains("create the role"))

            _ = try await directory.ensure("convoy-a", password: hush, grants: [read])
            let powerless = MongoUserDirectory(
                adminURI: try InstanceURI.make(base: database.base, user: "convoy-a", password: hush))
            let right = try await failure { _ = try await powerless.ensure("convoy-b", password: hush, grants: [read]) }
            #expect(right.what.contains("127.0.0.1:\(database.port) as convoy-a"))

            let stranger = MongoUserDirectory(
                adminURI: try InstanceURI.make(base: database.base, user: "root", password: hush))
            let login = try await failure { _ = try await stranger.list(prefix: "") }
            #expect(login.why.contains("refused"))
            for each in [role, right, login] {
                #expect(!each.description.contains("hush") && !each.description.contains("mongodb://"))
                #expect(!each.description.contains(RealDatabase.rootPassword))
            }
        }
    }

    @Test("a database that is away is unavailable, within the time allowed")
    func away() async throws {
        try await RealDatabase.with { database in
            await database.goAway()
            let directory = MongoUserDirectory(
                adminURI: database.rootURI, timeouts: MongoTimeouts(selection: 1, connect: 1, answer: 1, total: 2))
            let start = ContinuousClock.now
            let seen = try await failure { try await directory.remove("convoy-a") }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(seen.code == .unavailable)
            #expect(seen.what.contains("127.0.0.1:\(database.port) as root"))
            #expect(!seen.description.contains(RealDatabase.rootPassword))
        }
    }
}

/// The `Failure` that `job` must end in.
func failure(of job: () async throws -> Void) async throws -> Failure {
    try await #require(throws: Failure.self) { try await job() }
}
