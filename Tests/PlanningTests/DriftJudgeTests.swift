import Fleet
import Testing

@testable import Planning

@Suite("Drift judge")
struct DriftJudgeTests {
    private static let read = DatabaseGrant(database: "shop", role: "read")

    private func survey(_ change: (inout DriftSurvey) -> Void = { _ in }) -> DriftSurvey {
        var survey = DriftSurvey(
            fleet: "shop", supervisorVersion: "1",
            ports: PortWish(
                edge: EdgeSpec.Listen(address: "127.0.0.1", port: 8443), isOwnEdge: true,
                instances: [42000: "analytics-1-g1"], idle: [42001], releases: "/fleet/releases",
                edgeConfiguration: "/fleet/edge", supervisor: 10))
        let launch = ProcessSighting.Launch(
            executable: "/usr/bin/python3.11", arguments: ["/fleet/releases/aa/launch.py", "tiny"],
            environment: ["HOME", "TINY_URI"], tolerated: ["INVOCATION_ID"])
        survey.processes = [
            ProcessSighting(name: "supervisor", pid: 10, launch: nil, isDaemon: true, fact: fact(10, "convoy")),
            ProcessSighting(name: "edge", pid: 20, launch: nil, isDaemon: true, fact: fact(20, "nginx")),
            ProcessSighting(name: "analytics-1-g1", pid: 30, launch: launch, fact: server(30)),
        ]
        survey.table.processes = [fact(10, "convoy"), fact(20, "nginx"), server(30)]
        survey.table.listeners = [
            listener("127.0.0.1", 8443, 20), listener("127.0.0.1", 42000, 30), listener("0.0.0.0", 22, 99),
        ]
        survey.users = [UserWish(name: "convoy-shop.a", instance: "a", grants: [Self.read], verdict: .proved)]
        survey.holdings = [UserHolding(name: "convoy-shop.a", database: "admin", grants: [Self.read])]
        survey.generations = [1]
        survey.plan = PlanSighting(
            changes: [], locked: nil, running: nil, current: 1, serving: 1, operatorVersion: "1")
        change(&survey)
        return survey
    }

    private func fact(_ pid: Int32, _ name: String, parent: Int32 = 1) -> ProcessFact {
        ProcessFact(
            pid: pid, parent: parent, group: pid, user: "ops", executable: "/usr/bin/\(name)", isReplaced: false,
            words: [name], environment: [])
    }

    private func server(_ pid: Int32, parent: Int32 = 1) -> ProcessFact {
        ProcessFact(
            pid: pid, parent: parent, group: pid, user: "ops", executable: "/usr/bin/python3.11", isReplaced: false,
            words: ["/usr/bin/python3", "/fleet/releases/aa/launch.py", "tiny"], environment: ["HOME", "TINY_URI"])
    }

    private func listener(_ address: String, _ port: Int, _ pid: Int32) -> ListenerFact {
        ListenerFact(address: address, port: port, owners: [pid], user: "ops")
    }

    private func found(_ change: (inout DriftSurvey) -> Void) -> [DriftFinding] {
        DriftJudge(survey(change)).report.findings
    }

    @Test("a fleet that nobody touched has no finding")
    func clean() {
        let report = DriftJudge(survey()).report
        #expect(report.findings == [])
        #expect(report.unseen == [])
    }

    // MARK: Files

    private func sighting(
        _ wish: FileWish, mode: UInt16 = 0o600, owner: UInt32 = 0, text: String = "a", nature: FileNature = .file
    ) -> FileSighting {
        FileSighting(
            wish: wish,
            fact: FileFact(nature: nature, mode: mode, owner: owner, ownerName: "ops", digest: .of(text)))
    }

    @Test("a file that is missing, another kind, of other bytes, mode or owner is told, each for itself")
    func files() {
        let wish = FileWish("/f", .edge, mode: 0o600, owner: 0, digest: .of("a"), remedy: "installs it again")
        #expect(found { $0.files = [sighting(wish)] } == [])
        #expect(found { $0.files = [FileSighting(wish: wish, fact: nil)] }.map(\.found) == ["missing"])
        #expect(found { $0.files = [sighting(wish, nature: .link)] }.map(\.found) == ["a symbolic link"])
        #expect(found { $0.files = [sighting(wish, text: "b")] }.map(\.kind) == [.edge])
        #expect(found { $0.files = [sighting(wish, mode: 0o644)] }.map(\.kind) == [.mode])
        #expect(found { $0.files = [sighting(wish, owner: 7)] }.map(\.kind) == [.owner])
        #expect(found { $0.files = [sighting(wish, mode: 0o646, owner: 7, text: "b")] }.count == 3)
    }

    @Test("who could have written a file follows from its mode and owner")
    func writers() {
        let wish = FileWish("/f", .unit, digest: .of("a"))
        #expect(found { $0.files = [sighting(wish, text: "b")] }.first?.whoCould == "root")
        #expect(
            found { $0.files = [sighting(wish, owner: 7, text: "b")] }.first?.whoCould == "root, or ops, whose it is")
        #expect(
            found { $0.files = [sighting(wish, mode: 0o666, text: "b")] }.first?.whoCould.contains("anybody") == true)
    }

    @Test("where others choose a mode only the forbidden bits are a difference")
    func forbidden() {
        let wish = FileWish("/f", .record, forbidden: 0o022)
        #expect(found { $0.files = [sighting(wish, mode: 0o644)] } == [])
        let loose = found { $0.files = [sighting(wish, mode: 0o666)] }
        #expect(loose.map(\.wish) == ["0644"])
    }

    @Test("credentials that disagree are told without a word of them, and are not healed")
    func credentials() {
        let findings = found {
            $0.credentials = [.init(path: "/uri", fault: "another string"), .init(path: "/ok", fault: nil)]
        }
        #expect(findings.map(\.subject) == ["/uri"])
        #expect(findings.allSatisfy { !$0.canHeal })
    }

    @Test("what a release never had is a package, what changed in it is not healed")
    func releases() throws {
        let stamp = ReleaseStamp(name: "tiny", version: "1", digest: try PlanSamples.digest())
        let findings = found {
            $0.releases = [
                ReleaseSighting(
                    release: stamp, directory: "/r",
                    changes: [.init(.added, "tree/evil"), .init(.changed, "tree/a.py")])
            ]
        }
        #expect(Set(findings.map(\.kind)) == [.package, .release])
        #expect(findings.allSatisfy { !$0.canHeal })
    }

    // MARK: Processes

    private func changed(_ change: @escaping (inout ProcessFact) -> Void) -> [DriftFinding] {
        found { survey in
            var fact = server(30)
            change(&fact)
            survey.processes[2].fact = fact
        }
    }

    @Test("another program, other arguments, other names in the environment are told")
    func processes() {
        #expect(changed { $0.executable = "/tmp/python" }.map(\.kind) == [.program])
        #expect(changed { $0.words.append("--write") }.map(\.kind) == [.arguments])
        #expect(changed { $0.words.append("--write") }.first?.found == "too many: --write")
        #expect(changed { $0.words.removeLast() }.first?.found == "missing: tiny")
        #expect(changed { $0.words.swapAt(1, 2) }.first?.found == "the same words in another order")
        #expect(changed { $0.environment?.append("LD_PRELOAD") }.first?.found == "LD_PRELOAD too many")
        #expect(changed { $0.environment = ["HOME"] }.first?.found == "TINY_URI missing")
        #expect(changed { $0.environment?.append("INVOCATION_ID") } == [])
        #expect(changed { $0.isReplaced = true }.map(\.kind) == [.program])
    }

    @Test("what may not be seen is told as not looked at, not as fine")
    func blind() {
        var survey = survey()
        survey.processes[2].fact?.environment = nil
        survey.processes[2].fact?.executable = nil
        let report = DriftJudge(survey).report
        #expect(report.findings == [])
        #expect(report.unseen.count == 1)
    }

    @Test("a daemon whose program was replaced on disk is another binary")
    func daemons() {
        let findings = found { $0.processes[0].fact?.isReplaced = true }
        #expect(findings.map(\.kind) == [.binary])
        #expect(found { $0.plan?.operatorVersion = "2" }.map(\.kind) == [.binary])
    }

    @Test("a server of a release that no generation has is told, its children and an installation are not")
    func orphans() {
        #expect(found { $0.table.processes.append(server(40)) }.map(\.kind) == [.generation])
        #expect(found { $0.table.processes.append(server(40, parent: 30)) } == [])
        let installer = ProcessFact(
            pid: 41, parent: 1, group: 41, user: "ops", executable: "/usr/bin/python3.11", isReplaced: false,
            words: ["python3", "-m", "pip", "--target", "/fleet/releases/.staging/1"], environment: nil)
        #expect(found { $0.table.processes.append(installer) } == [])
        let reader = ProcessFact(
            pid: 42, parent: 1, group: 42, user: "ops", executable: "/usr/bin/less", isReplaced: false,
            words: ["less", "/fleet/releases/aa/launch.py"], environment: nil)
        #expect(found { $0.table.processes.append(reader) } == [])
    }

    // MARK: Listeners

    @Test("listeners: an instance off loopback, a stranger on its port, an edge elsewhere, an edge that is deaf")
    func listeners() {
        #expect(found { $0.table.listeners.append(listener("0.0.0.0", 9, 30)) }.map(\.subject) == ["0.0.0.0:9"])
        #expect(found { $0.table.listeners.append(listener("127.0.0.1", 9, 30)) } == [])
        #expect(found { $0.table.listeners[1] = listener("0.0.0.0", 42000, 30) }.map(\.kind) == [.listener])
        #expect(found { $0.table.listeners[1] = listener("127.0.0.1", 42000, 99) }.map(\.kind) == [.listener])
        #expect(found { $0.table.listeners.append(listener("127.0.0.1", 42001, 99)) }.map(\.kind) == [.listener])
        #expect(found { $0.table.listeners.append(listener("127.0.0.1", 42001, 10)) } == [])
        #expect(found { $0.table.listeners.append(listener("127.0.0.1", 81, 20)) }.map(\.subject) == ["127.0.0.1:81"])
        #expect(found { $0.table.listeners.remove(at: 0) }.map(\.found) == ["nobody does"])
        // Whose socket it is was not to be seen: then its user tells.
        let hidden = ListenerFact(address: "127.0.0.1", port: 42000, owners: [], user: "ops")
        #expect(found { $0.table.listeners[1] = hidden } == [])
        let foreign = ListenerFact(address: "127.0.0.1", port: 42000, owners: [], user: "guest")
        #expect(found { $0.table.listeners[1] = foreign }.map(\.kind) == [.listener])
        // Somebody else's nginx listens where it likes.
        #expect(
            found {
                $0.ports.isOwnEdge = false
                $0.ports.edge = nil
                $0.processes.remove(at: 1)
                $0.table.listeners[0] = listener("0.0.0.0", 80, 20)
            } == [])
    }

    // MARK: Users

    @Test("users: too many, missing, with other roles, elsewhere; a database that was not asked is no finding")
    func users() {
        let held = UserHolding(name: "convoy-shop.a", database: "admin", grants: [Self.read])
        let stranger = UserHolding(name: "convoy-shop.b", database: "admin", grants: [])
        let elsewhere = UserHolding(name: "convoy-shop.a", database: "shop", grants: [])
        let write = UserHolding(
            name: held.name, database: "admin", grants: [Self.read, .init(database: "shop", role: "readWrite")])
        #expect(found { $0.holdings = [held, stranger] }.map(\.subject) == ["convoy-shop.b"])
        #expect(found { $0.holdings = [held, elsewhere] }.map(\.subject) == ["shop.convoy-shop.a"])
        #expect(found { $0.holdings = [] }.map(\.found) == ["missing"])
        #expect(found { $0.holdings = [write] }.map(\.found) == ["readWrite on shop too many"])
        #expect(found { $0.holdings = nil } == [])
        #expect(found { $0.users[0].verdict = .refuted("insert") }.map(\.kind) == [.privilege])
        #expect(found { $0.users[0].verdict = .unverified("login") }.map(\.kind) == [.user])
        #expect(
            found {
                $0.holdings = [write]
                $0.users[0].verdict = .refuted("insert")
            }.map(\.kind) == [.role])
    }

    @Test("what fleet.yaml and the ledger say otherwise points at plan and up")
    func plans() {
        let change = ChangePlan.Change(.change, "pool analytics", "3 -> 4 instances")
        #expect(found { $0.plan?.changes = [change] }.map(\.kind) == [.plan])
        #expect(found { $0.plan?.changes = [.init(.mend, "a", "unfit")] } == [])
        #expect(found { $0.plan?.current = 2 }.map(\.kind) == [.generation])
        #expect(found { $0.generations = [1, 2] }.map(\.subject) == ["generation 2"])
        #expect(
            found {
                $0.plan?.locked = .of("a")
                $0.plan?.running = .of("b")
            }.map(\.subject) == ["fleet.lock"])
    }

    @Test("a gate that applies another revision than was written is told")
    func policy() {
        #expect(
            found {
                $0.writtenPolicy = 4
                $0.appliedPolicy = 3
            }.map(\.kind) == [.policy])
    }

    @Test("every finding says who could have made it and what to do")
    func words() {
        let findings = found {
            $0.holdings = []
            $0.table.processes.append(server(40))
            $0.table.listeners.append(listener("0.0.0.0", 9, 30))
            $0.strays = [StrayFile(path: "/x", kind: .stray, fact: nil)]
        }
        #expect(findings.count == 4)
        #expect(findings.allSatisfy { !$0.whoCould.isEmpty && !$0.heal.isEmpty && !$0.wish.isEmpty })
        #expect(findings.allSatisfy { $0.canHeal != $0.heal.hasPrefix("not healed") })
    }
}
