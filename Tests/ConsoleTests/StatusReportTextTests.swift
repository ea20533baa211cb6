import Fleet
import Planning
import Testing

@testable import Console

@Suite("StatusText")
struct StatusReportTextTests {
    private let digest: Digest
    private let terminal = Terminal(outputIsTerminal: true, errorIsTerminal: true, width: 80, useColour: false)

    init() throws { digest = try #require(Digest(hex: String(repeating: "4f", count: 32))) }

    private func instance(
        _ slot: Int, _ change: (inout InstanceStatus) -> Void = { _ in }
    ) -> InstanceStatus {
        var status = InstanceStatus(
            name: "analytics-\(slot)-g2", pool: "analytics", host: "local", slot: slot, generation: 2,
            version: "0.6.2", digest: digest, state: .serving, ready: true, reason: "", port: 42000 + slot,
            pid: 4711, uptimeSeconds: 3725, databaseUser: "u", proof: ProofStatus(verdict: .proved, ageSeconds: 3),
            eras: [.modern], toolsDigest: digest, restarts: 0)
        change(&status)
        return status
    }

    private func status(_ change: (inout FleetStatus) -> Void = { _ in }) -> FleetStatus {
        var status = FleetStatus(
            fleet: "shop", generation: 2,
            release: ReleaseStamp(name: "documentdb-mcp", version: "0.6.2", digest: digest), converged: true,
            instances: [instance(1), instance(2)], edge: EdgeStatus(url: "http://127.0.0.1:8443", state: .up),
            gate: GateStatus(state: .up), supervisor: SupervisorStatus(state: .up, pid: 1, version: "x"))
        change(&status)
        return status
    }

    @Test("a whole fleet")
    func whole() {
        #expect(
            StatusText(status(), terminal: terminal).text == """
                shop: generation 2, documentdb-mcp 0.6.2 (4f4f4f4f4f4f), converged
                INSTANCE        STATE    PROOF   VERSION  PORT   PID   UP    RESTARTS
                analytics-1-g2  serving  proved  0.6.2    42001  4711  1h2m  0
                analytics-2-g2  serving  proved  0.6.2    42002  4711  1h2m  0
                edge  up  http://127.0.0.1:8443
                gate  up

                """)
    }

    @Test("trouble is told below the table, with its reason in full")
    func trouble() {
        let why = "no proof: its privileges allow insert on shop.orders, which the fleet does not grant at all, ever"
        let text = StatusText(
            status {
                $0.converged = false
                $0.instances[1] = instance(2) {
                    $0.state = .unfit
                    $0.reason = why
                    $0.proof?.verdict = .refuted("x")
                    $0.pid = nil
                    $0.uptimeSeconds = nil
                }
                $0.gate = GateStatus(state: .down, reason: "killed by signal 9")
            }, terminal: terminal
        ).text
        #expect(
            text == """
                shop: generation 2, documentdb-mcp 0.6.2 (4f4f4f4f4f4f), NOT converged
                INSTANCE        STATE    PROOF    VERSION  PORT   PID   UP    RESTARTS
                analytics-1-g2  serving  proved   0.6.2    42001  4711  1h2m  0
                analytics-2-g2  unfit    REFUTED  0.6.2    42002  -     -     0
                  analytics-2-g2: \(why)
                edge  up  http://127.0.0.1:8443
                gate  down (killed by signal 9)

                """)
    }

    @Test("a fleet of which nothing serves yet")
    func nothing() {
        let text = StatusText(
            status {
                $0.release = nil
                $0.generation = 0
                $0.instances = []
                $0.edge = EdgeStatus(url: "", state: .down)
            }, terminal: terminal
        ).text
        #expect(text == "shop: nothing serves yet\nedge  down\ngate  up\n")
    }

    @Test("a fleet without a name, without anything, is no riddle")
    func empty() {
        let text = StatusText(
            status {
                $0.fleet = ""
                $0.release = nil
                $0.instances = []
                $0.edge = EdgeStatus(url: "", state: .down)
                $0.gate = GateStatus(state: .down)
            }, terminal: terminal
        ).text
        #expect(text == "nothing serves yet\nedge  down\ngate  down\n")
    }

    @Test(
        "ages are short, and never traps",
        arguments: [
            (0, "0s"), (59.9, "59s"), (60, "1m0s"), (3599, "59m59s"), (3600, "1h0m"), (86399, "23h59m"),
            (90000, "1d1h"), (-3, "0s"), (.nan, "-"), (.infinity, "-"),
        ] as [(Double, String)])
    func ages(seconds: Double, text: String) { #expect(StatusText.age(seconds) == text) }
}

@Suite("ChangePlanText")
struct ChangePlanTextTests {
    private func plan(_ changes: [ChangePlan.Change]) throws -> ChangePlan {
        var plan = ChangePlan(
            spec: FleetSpec(
                name: "shop",
                server: ServerSpec(
                    profile: "p", release: ReleaseReference(kind: .pypi, name: "tiny", version: "1.0.0")),
                database: nil, pools: [],
                edge: EdgeSpec(
                    url: "http://127.0.0.1:1", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 1),
                    authorization: .development)),
            profile: Profile(
                name: "p", releases: [.pypi], needsDatabase: false, start: Profile.Start(command: "tiny"),
                http: Profile.HTTP(), version: Profile.Version(), canary: nil, stop: Profile.Stop(), settings: [:],
                memoryDenyWriteExecute: true),
            locked: nil, wish: nil, current: nil, cut: nil, running: nil)
        plan.changes = changes
        return plan
    }

    @Test("each kind of change has its sign")
    func signs() throws {
        let text = ChangePlanText(
            try plan([
                .init(.add, "supervisor", "start it"), .init(.change, "release", "1.0.0 -> 2.0.0"),
                .init(.remove, "generation 3", "left"), .init(.mend, "analytics-1-g2", "unfit: x"),
            ])
        ).text
        #expect(
            text == """
                   WHAT            HOW
                +  supervisor      start it
                ~  release         1.0.0 -> 2.0.0
                -  generation 3    left
                !  analytics-1-g2  unfit: x

                """)
    }

    @Test("what callers would meet and what speaks against it come below, in 80 columns")
    func compatibility() throws {
        var changed = try plan([.init(.change, "release", "1.0.0 -> 2.0.0")])
        changed.compatibility = CompatibilityReport(
            from: "1.0.0", to: "2.0.0", toolsAdded: ["fresh"], toolsRemoved: ["find"], erasLost: [.legacy])
        changed.warnings = ["disk: /var has 1 MB left, 8 MB are needed (free some there; it needs room for logs)"]
        let text = ChangePlanText(changed).text
        #expect(
            text == """
                   WHAT     HOW
                ~  release  1.0.0 -> 2.0.0
                callers, 1.0.0 -> 2.0.0: tools: 1 removed, 1 added; eras: legacy lost
                  - tool find (breaks)
                  - era legacy (breaks)
                  + tool fresh
                  it needs --accept-breaking
                note: disk: /var has 1 MB left, 8 MB are needed (free some there; it needs
                  room for logs)

                """)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test("nothing to do is said")
    func nothing() throws { #expect(ChangePlanText(try plan([])).text == "shop: nothing to do\n") }
}
