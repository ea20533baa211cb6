import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Three pretended hosts with one clock and one database, and an operator whose way to any of them can be cut.
final class HostsLab: Sendable {
    /// Where the way to a host is cut, and how it comes to be.
    struct Cut: Sendable, CustomStringConvertible {
        var host: Int
        /// By which of all calls, of any host.
        var at: Int
        /// The call that it is cut by gets there, only its answer does not come.
        var arrives: Bool
        /// The host loses its power, too: its supervisor is another one when it is back.
        var isPower = false

        var description: String { "host \(host) at call \(at)\(arrives ? ", heard" : "")\(isPower ? ", power" : "")" }
    }

    let worlds: [FakeWorld]
    let names = ["web-1", "web-2", "web-3"]
    let time = FakeTime()
    let said = HeardProgress()
    private let calls = Mutex(0)
    private let cut: Mutex<Cut?>
    private let away = Mutex<Set<Int>>([])
    /// To be done before the call of a number.
    private let mine = Mutex<(at: Int, deed: @Sendable () -> Void)?>(nil)

    init(cut: Cut? = nil) {
        let (database, time) = (FakeDatabase(), time)
        worlds = names.map { _ in FakeWorld(database: database, time: time) }
        self.cut = Mutex(cut)
    }

    var callCount: Int { calls.withLock { $0 } }
    var wasCut: Bool { !away.withLock { $0.isEmpty } }

    func cutNext(_ next: Cut?) {
        calls.withLock { $0 = 0 }
        cut.withLock { $0 = next }
    }

    func atCall(_ number: Int, _ deed: @escaping @Sendable () -> Void) { mine.withLock { $0 = (number, deed) } }

    /// As if a host had been switched off, or its wire pulled.
    func lose(_ host: Int, power: Bool = true) {
        away.withLock { _ = $0.insert(host) }
        if power { worlds[host].killSupervisor() }
    }

    /// It is there again, by itself.
    func find(_ host: Int) {
        away.withLock { _ = $0.remove(host) }
        if worlds[host].supervisor == nil { worlds[host].startSupervisor() }
    }

    func heal() {
        away.withLock { $0 = [] }
        cut.withLock { $0 = nil }
    }

    /// One call over the way to a host.
    func pass<Value: Sendable>(_ host: Int, _ body: () async throws -> Value) async throws -> Value {
        let number = calls.withLock { calls in
            calls += 1
            return calls
        }
        if let mine = mine.withLock({ $0 }), mine.at == number { mine.deed() }
        let here = cut.withLock { cut in cut.flatMap { number >= $0.at ? $0 : nil } }
        if let here, here.host == host {
            let isFirst = away.withLock { $0.insert(host).inserted }
            if isFirst {
                if here.arrives { _ = try? await body() }
                if here.isPower { worlds[host].killSupervisor() }
            }
            throw lost(host)
        }
        if away.withLock({ $0.contains(host) }) { throw lost(host) }
        return try await body()
    }

    private func lost(_ host: Int) -> Failure {
        Failure(.unavailable, "cannot reach \(names[host])", because: "the way is cut", next: "")
    }

    // MARK: Operators

    func spec(_ version: String) -> FleetSpec {
        Samples.spec(version) { [names] spec in
            spec.hosts = names.map { HostSpec(name: $0, address: "10.0.0.\($0.suffix(1))") }
            spec.pools[0].replicas = 2
        }
    }

    /// - Parameter fuse: blown, it never does or hears anything again.
    func newOperator(
        _ version: String, bake: Seconds = 1, fuse: Fuse = Fuse(), skips: Set<String> = [],
        _ change: (inout FleetSpec) -> Void = { _ in }
    ) -> FleetOperator {
        let home = worlds[0]
        var spec = spec(version)
        spec.rollout.bake = bake
        change(&spec)
        var fleet = home.newOperator(spec, fuse: fuse)
        let known = spec.hosts.map(\.name)
        let members = names.enumerated().filter { known.contains($1) }.map { index, name in
            FleetMember(name: name, control: CutControl(lab: self, host: index, fuse: fuse))
        }
        var ports = fleet.ports
        let control = HostsControl(members, time: ports.time, progress: said)
        ports.control = control
        ports.members = members
        ports.setAside = { await control.setAside($0) }
        ports.launcher = CutLauncher(lab: self, aside: ports.aside, hosts: known)
        ports.hosts = FakeChores(lab: self, aside: ports.aside, hosts: known)
        ports.progress = said
        var context = fleet.context
        context.skips = skips
        fleet = FleetOperator(ports: ports, context: context, seams: fleet.seams)
        return fleet
    }

    /// Turns the clock while the body waits.
    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await worlds[0].run(body)
    }

    func worlds(_ hosts: [String], but aside: AsideHosts) -> [(index: Int, world: FakeWorld)] {
        let wanted = Set(hosts).subtracting(aside.names)
        return worlds.enumerated().filter { wanted.contains(names[$0.offset]) }.map { ($0.offset, $0.element) }
    }

    // MARK: What clients meet

    /// Of each host: the generation that its gate sends new traffic to, nil = to nobody.
    func serving() async throws -> [Int?] {
        var all: [Int?] = []
        for world in worlds {
            if world.supervisor == nil { world.startSupervisor() }
            let report = try await world.until("taken over") { _ in true }
            all.append(report.status.trafficShare.first?.generation)
        }
        return all
    }

    /// Of each host: which part of new traffic meets which generation.
    func traffic() async throws -> [[Int: Double]] {
        var all: [[Int: Double]] = []
        for world in worlds {
            if world.supervisor == nil { world.startSupervisor() }
            let shares = try await world.until("taken over") { _ in true }.status.trafficShare
            all.append(Dictionary(shares.filter { $0.part > 0 }.map { ($0.generation, $0.part) }) { one, _ in one })
        }
        return all
    }

    /// Turns the clock until it is so; false when it never is.
    func until(_ condition: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
        for _ in 0..<3000 {
            if try await condition() { return true }
            await pass(0.25)
        }
        return false
    }

    func pass(_ seconds: Double) async { await worlds[0].pass(seconds) }
}

struct CutLauncher: SupervisorLauncher {
    let lab: HostsLab
    let aside: AsideHosts
    let hosts: [String]

    func ensureRunning() async throws -> Bool {
        var hasStarted = false
        for (index, world) in lab.worlds(hosts, but: aside) {
            try await lab.pass(index) {
                guard world.supervisor == nil else { return }
                world.startSupervisor()
                hasStarted = true
            }
        }
        return hasStarted
    }
}

struct FakeChores: HostChores {
    let lab: HostsLab
    let aside: AsideHosts
    let hosts: [String]

    func wake() async throws -> Bool {
        try await CutLauncher(lab: lab, aside: aside, hosts: hosts).ensureRunning()
    }
    func bring(_ release: Digest) async throws {
        for (index, _) in lab.worlds(hosts, but: aside) { try await lab.pass(index) {} }
    }
    func fault(_ next: GenerationPlan) async throws -> String? { nil }
    func keep(_ passwords: [String: Secret], of plan: GenerationPlan) async throws {
        for (index, world) in lab.worlds(hosts, but: aside) {
            let slice = plan.slice(for: lab.names[index])
            try await lab.pass(index) {
                let ports = world.newOperator().ports
                try await HostPlacing(ports: ports, layout: world.layout, plan: slice)
                    .place(slice, passwords: passwords)
            }
        }
    }
    func sweep(keeping instances: Set<String>) async throws {
        for (index, world) in lab.worlds(hosts, but: aside) {
            _ = try? await lab.pass(index) {
                try HostPlacing.sweep(
                    keeping: instances, files: FakeFiles(disk: world.disk), layout: world.layout)
            }
        }
    }
}

extension FakeChores {
    func forget(_ host: String) async throws {
        guard let index = lab.names.firstIndex(of: host) else { return }
        let world = lab.worlds[index]
        try await lab.pass(index) {
            guard let supervisor = world.supervisor else { return }
            try await supervisor.shutdown(drain: 0)
            for path in world.disk.below(world.layout.state) where path != world.layout.ledger {
                world.disk.remove(path)
            }
        }
    }
}

/// A host's control at the end of a way that can be cut.
struct CutControl: FleetControl {
    let lab: HostsLab
    let host: Int
    let fuse: Fuse

    private func go<Value: Sendable>(_ body: (FakeControl) async throws -> Value) async throws -> Value {
        while fuse.isBlown { try await lab.time.sleep(1_000_000) }
        return try await lab.pass(host) { try await body(FakeControl(world: lab.worlds[host], fuse: Fuse())) }
    }

    func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        try await go { try await $0.status(newerThan: revision, timeout: timeout) }
    }
    func begin(_ plan: GenerationPlan) async throws { try await go { try await $0.begin(plan) } }
    func flip(to generation: Int) async throws { try await go { try await $0.flip(to: generation) } }
    func retire(_ generation: Int, drain: Seconds) async throws {
        try await go { try await $0.retire(generation, drain: drain) }
    }
    func share(_ generation: Int, part: Double) async throws {
        try await go { try await $0.share(generation, part: part) }
    }
    func balance(_ generation: Int) async throws { try await go { try await $0.balance(generation) } }
    func lend(_ generation: Int, part: Double?) async throws {
        try await go { try await $0.lend(generation, part: part) }
    }
    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        try await go { try await $0.begin(plan, only: instances) }
    }
    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport {
        try await go { try await $0.retire(generation, only: instances, drain: drain) }
    }
    func promise(_ generation: Int, patience: Seconds) async throws {
        try await go { try await $0.promise(generation, patience: patience) }
    }
    func attempt(_ generation: Int) async throws { try await go { try await $0.attempt(generation) } }
    func hold(_ generation: Int) async throws { try await go { try await $0.hold(generation) } }
    func seal(_ generation: Int) async throws { try await go { try await $0.seal(generation) } }
    func finish(_ generation: Int) async throws { try await go { try await $0.finish(generation) } }
    func check() async throws { try await go { try await $0.check() } }
    func shutdown(drain: Seconds) async throws { try await go { try await $0.shutdown(drain: drain) } }
    func cordon() async throws { try await go { try await $0.cordon() } }
    func drain(deadline: Seconds) async throws -> DrainReport {
        try await go { try await $0.drain(deadline: deadline) }
    }
    func uncordon(generation: Int) async throws { try await go { try await $0.uncordon(generation: generation) } }
    func leave(rollout: Int) async throws { try await go { try await $0.leave(rollout: rollout) } }
    func welcome(generation: Int, upTo rollout: Int) async throws {
        try await go { try await $0.welcome(generation: generation, upTo: rollout) }
    }
    func guests() async throws -> Int { try await go { try await $0.guests() } }
}
