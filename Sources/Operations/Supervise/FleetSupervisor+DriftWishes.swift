import Fleet
import Foundation
import Planning
import Ports
import Rendering

// What the supervisor knows of that should be there.
extension FleetSupervisor {
    static var unitsDirectory: String { "/etc/systemd/system" }

    func portWish() -> PortWish {
        let all = plans.values.flatMap(\.instances)
        var ports: [Int: String] = [:]
        for instance in all {
            for port in [instance.port, instance.monitoringPort].compactMap(\.self) { ports[port] = instance.name }
        }
        let idle = Set(all.flatMap { [$0.siblingPort, $0.siblingMonitoringPort].compactMap(\.self) })
        let isRunning = companions[.edge]?.record != nil
        let edge = (active.generation.flatMap { plans[$0] } ?? plans.values.first)?.edge
        return PortWish(
            edge: isRunning ? edge?.listen : nil, isOwnEdge: edgeServer.isOwnProcess, instances: ports,
            idle: idle.subtracting(ports.keys).sorted(), releases: settings.layout.releases,
            edgeConfiguration: settings.layout.edgeConfiguration, supervisor: settings.pid)
    }

    func processWishes(_ surveyor: any HostSurveyor) -> [ProcessSighting] {
        var wishes = [
            ProcessSighting(name: "supervisor", pid: settings.pid, launch: nil, isDaemon: true)
        ]
        for kind in Companion.Kind.allCases {
            guard let record = companions[kind]?.record else { continue }
            wishes.append(ProcessSighting(name: kind.rawValue, pid: record.pid, launch: nil, isDaemon: true))
        }
        for (name, runner) in runners.sorted(by: { $0.key < $1.key }) {
            guard let record = runner.record, let plan = plans[runner.machine.plan.generation] else { continue }
            wishes.append(
                ProcessSighting(name: name, pid: record.pid, launch: launch(runner.machine.plan, plan, surveyor)))
        }
        return wishes
    }

    private func launch(
        _ instance: InstancePlan, _ plan: GenerationPlan, _ surveyor: any HostSurveyor
    ) -> ProcessSighting.Launch? {
        guard let program = surveyor.program(instance.launch.executable) else { return nil }
        let secrets = instance.launch.secretsFile == nil ? [] : Array(plan.origin.profile.start.secrets.keys)
        return ProcessSighting.Launch(
            executable: program, arguments: instance.launch.arguments,
            environment: Set(Array(instance.launch.environment.keys) + secrets).sorted(),
            tolerated: ports.units == nil ? [] : Self.systemdNames)
    }

    /// What systemd (systemd.exec(5)) and the unit's template add.
    private static let systemdNames = [
        "CACHE_DIRECTORY", "CREDENTIALS_DIRECTORY", "HOME", "INVOCATION_ID", "JOURNAL_STREAM", "LANG", "LOGNAME",
        "LOGS_DIRECTORY", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "PATH", "RUNTIME_DIRECTORY", "SHELL",
        "STATE_DIRECTORY", "SYSTEMD_EXEC_PID", "TMPDIR", "USER",
    ]

    func userWishes() -> [UserWish] {
        plans.values.flatMap(\.instances).compactMap { instance in
            guard let proof = instance.proof, let machine = runners[instance.name]?.machine else { return nil }
            return UserWish(
                name: proof.user, instance: instance.name, grants: proof.grants,
                verdict: machine.provedAt == nil ? nil : machine.verdict)
        }.sorted { $0.name < $1.name }
    }

    func edgeWishes(_ files: [RenderedFile]) -> [FileWish] {
        let remedy = "installs the edge's configuration again; nginx reads it"
        let current = settings.layout.edgeConfiguration + "/current"
        let included = leading?.sharedEdgeFile.map { FileWish($0, .edge, .link, remedy: "includes it again") }
        return [FileWish(current, .edge, .link, remedy: remedy)] + [included].compactMap(\.self)
            + files.map {
                FileWish(current + "/" + $0.path, .edge, mode: $0.mode, digest: .of($0.bytes), remedy: remedy)
            }
    }

    /// What it wrote down to know it again, and what gate and refresher go by.
    func recordWishes(_ wishes: DriftWishes) throws -> [FileWish] {
        let remedy = "writes it again, as the supervisor knows it"
        func record<Value: Codable & Equatable>(_ path: String, _ value: Value) throws -> FileWish {
            // By what it says, not by its bytes: an older convoy may have written it in other words.
            let found = (try? ports.files.read(path)).flatMap { $0 }
                .flatMap { try? JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
            let digest = found == value ? nil : Digest.of(try StableJSON.text(value))
            return FileWish(path, .record, mode: 0o600, owner: wishes.user, digest: digest, remedy: remedy)
        }
        var files = try plans.values.sorted { $0.number < $1.number }.map { try record(store.path($0.number), $0) }
        if !plans.isEmpty {
            files.append(try record(store.activePath, active))
            files.append(try record(settings.layout.processes, book.entries))
        }
        if let policy = writtenPolicy {
            files.append(
                FileWish(
                    settings.layout.gatePolicy, .policy, mode: 0o644, owner: wishes.user,
                    digest: .of(try StableJSON.text(policy)), remedy: "writes the policy again; the gate reads it"))
        }
        if let issuers = refresherIssuers() {
            let path = settings.layout.refresherPlan
            let known = (try? ports.files.read(path)).flatMap { $0 }
                .flatMap { try? JSONDecoder().decode(RefresherPlan.self, from: Data($0.utf8)) }
            let isRight = known?.issuers == issuers
            files.append(
                FileWish(
                    path, .policy, mode: 0o600, owner: wishes.user, digest: isRight ? nil : .of("another plan"),
                    remedy: "writes the refresher's plan again"))
        }
        return files
    }

    func unitWishes(_ wishes: DriftWishes) throws -> [FileWish] {
        guard ports.units != nil else { return [] }
        var files = unitFiles().map { file in
            FileWish(
                Self.unitsDirectory + "/" + file.path, .unit, mode: file.mode, owner: wishes.user,
                digest: .of(file.content), remedy: "writes it again and has systemd read it; nothing restarts")
        }
        if let rules = try firewallWish(wishes) { files.append(rules) }
        return files
    }

    /// Of what runs, and the slice.
    func unitFiles() -> [RenderedFile] {
        let instances = plans.values.sorted { $0.number < $1.number }.flatMap { plan in
            plan.instances.filter { runners[$0.name]?.record != nil }
                .compactMap { try? processPlan($0, of: plan).unit }
        }
        return [providedSlice].compactMap(\.self) + instances
    }

    /// Its remarks name the wish of the generation that the rules were first made for: they are no difference.
    private func firewallWish(_ wishes: DriftWishes) throws -> FileWish? {
        guard let leading = active.generation.flatMap({ plans[$0] }), let edge = try? edgeWorkers() else { return nil }
        var users: [UInt32] = []
        if let database = leading.origin.spec.database, let names = database.sharedWith {
            // While the database is down its own user can't be told, and rules without it are no wish.
            guard let found = try? settings.localUsers(database.loopbackPorts, names) else { return nil }
            users = found
        }
        let plan = FirewallPlan(leading, edgeUser: edge.user, databaseUsers: users)
        let rules = try FirewallRenderer.render(plan).content
        let path = settings.layout.firewallRules
        let found = try ports.files.read(path)
        func effective(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("#") } }
        let isRight = found.map { effective($0) == effective(rules) } ?? false
        return FileWish(
            path, .firewall, mode: 0o644, owner: wishes.user, digest: isRight ? nil : .of(rules))
    }
}
