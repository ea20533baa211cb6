import Fleet
import Planning
import Testing

@Suite("Proof judge")
struct ProofJudgeTests {
    private let shop = ProofSamples.shop

    @Test("a user with read alone is proved where the server reports no privileges")
    func reader() {
        #expect(ProofSamples.verdict(ProofSamples.reader()) == .proved)
    }

    @Test("a user with read alone is proved by what a mongod reports")
    func mongodReader() {
        #expect(ProofSamples.verdict(ProofSamples.mongod()) == .proved)
    }

    @Test("a user that reads any database is proved, its listDatabases on the cluster too")
    func readAny() {
        let grant = DatabaseGrant(database: "admin", role: "readAnyDatabase")
        let actions = ProofSamples.readActions
        let evidence = ProofSamples.reader(
            of: [grant],
            privileges: [
                .init(resource: "*.*", actions: actions), .init(resource: "cluster", actions: ["listDatabases"]),
                .init(resource: "*.system.js", actions: actions),
                .init(resource: "*.system.buckets.*", actions: actions),
            ])
        #expect(ProofSamples.verdict(evidence, [grant]) == .proved)
    }

    @Test("a custom role is proved when it and all it inherits is spelt out and only reads")
    func customRole() {
        #expect(ProofSamples.verdict(ProofSamples.custom(), [ProofSamples.orders]) == .proved)
    }

    @Test("a plan is judged by its user and grants")
    func plan() {
        var plan = ProofPlan(user: ProofSamples.user, uriFile: "/x", grants: [shop], interval: 60)
        #expect(ProofJudge().judge(ProofSamples.reader(), plan: plan) == .proved)
        plan.user = "another"
        #expect(!ProofJudge().judge(ProofSamples.reader(), plan: plan).isProved)
    }

    @Test("nothing granted is nothing proved")
    func noGrants() {
        #expect(!ProofSamples.verdict(ProofSamples.reader(of: []), []).isProved)
    }

    @Test(
        "a login that is not exactly the expected user is no proof",
        arguments: [
            [], ["admin.root"], ["shop.\(ProofSamples.user)"], ["admin.\(ProofSamples.user)", "admin.root"],
            ["admin.\(ProofSamples.user)", "admin.\(ProofSamples.user)"],
        ])
    func identity(_ users: [String]) {
        var evidence = ProofSamples.reader()
        evidence.authenticatedAs = users
        guard case .unverified(let reason) = ProofSamples.verdict(evidence) else {
            Issue.record("not unverified")
            return
        }
        #expect(reason.contains("logged in as"))
    }

    @Test(
        "a role that writes is refuted by name",
        arguments: [
            ("readWrite", "shop", "insert"), ("dbOwner", "shop", "insert"), ("dbAdmin", "shop", "dropCollection"),
            ("userAdmin", "shop", "grantRole"), ("root", "admin", "insert"), ("__system", "admin", "anyAction"),
            ("restore", "admin", "insert"), ("backup", "admin", "insert"), ("hostManager", "admin", "shutdown"),
        ])
    func writer(role: String, database: String, action: String) {
        var evidence = ProofSamples.reader()
        evidence.roles.append(DatabaseGrant(database: database, role: role))
        #expect(ProofSamples.verdict(evidence) == .refuted("role \(role) on \(database) allows \(action)"))
    }

    @Test("a granted role that writes is refuted all the same")
    func grantedWriter() {
        let grant = DatabaseGrant(database: "shop", role: "readWrite")
        #expect(
            ProofSamples.verdict(ProofSamples.reader(of: [grant]), [grant])
                == .refuted("role readWrite on shop allows insert"))
    }

    @Test("a harmless role more than granted is refuted: it reads what the pool was not given")
    func extraReader() {
        var evidence = ProofSamples.reader()
        evidence.roles.append(DatabaseGrant(database: "payroll", role: "read"))
        #expect(
            ProofSamples.verdict(evidence)
                == .refuted("it holds role read on payroll, which the fleet does not grant"))
    }

    @Test("a granted role that is missing is unverified")
    func missingRole() {
        var evidence = ProofSamples.reader()
        evidence.roles = []
        #expect(
            ProofSamples.verdict(evidence)
                == .unverified("it does not hold role read on shop, which the fleet grants"))
    }

    @Test("a role that only watches the cluster is on no list, so it is unverified")
    func clusterMonitor() {
        let grants = [shop, DatabaseGrant(database: "admin", role: "clusterMonitor")]
        #expect(
            ProofSamples.verdict(ProofSamples.reader(of: grants), grants)
                == .unverified("role clusterMonitor on admin is on no list of roles that only read"))
    }

    @Test("a role named like a built-in one on a database where it is none must be spelt out")
    func impostor() {
        let grant = DatabaseGrant(database: "shop", role: "readAnyDatabase")
        guard case .unverified = ProofSamples.verdict(ProofSamples.reader(of: [grant]), [grant]) else {
            Issue.record("not unverified")
            return
        }
    }
}
