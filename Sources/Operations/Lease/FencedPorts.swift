import Fleet
import Planning
import Ports

extension OperatorPorts {
    /// The same world, in which nothing changes any more once the lease is lost. Ledger and supervisor ask for
    /// themselves; what can't is asked for here, in the moment before.
    package func fenced(by lease: HeldLease) -> OperatorPorts {
        var ports = self
        ports.control = FencedControl(control: control, lease: lease)
        ports.members = members.map {
            FleetMember(name: $0.name, control: FencedControl(control: $0.control, lease: lease))
        }
        ports.files = FencedFiles(files: files, lease: lease)
        ports.vault = vault.map { FencedVault(vault: $0, lease: lease) }
        ports.hosts = hosts.map { FencedChores(chores: $0, lease: lease) }
        ports.users = { [users] in FencedUsers(users: try users($0), lease: lease) }
        ports.isInterrupted = { [isInterrupted] in isInterrupted() || lease.isLost }
        return ports
    }
}

private struct FencedControl: FleetControl {
    let control: any FleetControl
    let lease: HeldLease

    func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        try await control.status(newerThan: revision, timeout: timeout)
    }
    func begin(_ plan: GenerationPlan) async throws {
        try lease.check()
        try await control.begin(plan)
    }
    func flip(to generation: Int) async throws {
        try lease.check()
        try await control.flip(to: generation)
    }
    func retire(_ generation: Int, drain: Seconds) async throws {
        try lease.check()
        try await control.retire(generation, drain: drain)
    }
    func share(_ generation: Int, part: Double) async throws {
        try lease.check()
        try await control.share(generation, part: part)
    }
    func balance(_ generation: Int) async throws {
        try lease.check()
        try await control.balance(generation)
    }
    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        try lease.check()
        try await control.begin(plan, only: instances)
    }
    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport {
        try lease.check()
        return try await control.retire(generation, only: instances, drain: drain)
    }
    func promise(_ generation: Int, patience: Seconds) async throws {
        try lease.check()
        try await control.promise(generation, patience: patience)
    }
    func lend(_ generation: Int, part: Double?) async throws {
        try lease.check()
        try await control.lend(generation, part: part)
    }
    func attempt(_ generation: Int) async throws {
        try lease.check()
        try await control.attempt(generation)
    }
    func hold(_ generation: Int) async throws {
        try lease.check()
        try await control.hold(generation)
    }
    func seal(_ generation: Int) async throws {
        try lease.check()
        try await control.seal(generation)
    }
    func finish(_ generation: Int) async throws {
        try lease.check()
        try await control.finish(generation)
    }
    func offer(of generation: Int) async throws -> ReleaseOffer? { try await control.offer(of: generation) }
    func rehearse(_ plan: GenerationPlan) async throws { try await control.rehearse(plan) }
    func check() async throws { try await control.check() }
    func shutdown(drain: Seconds) async throws {
        try lease.check()
        try await control.shutdown(drain: drain)
    }
    func cordon() async throws {
        try lease.check()
        try await control.cordon()
    }
    func drain(deadline: Seconds) async throws -> DrainReport {
        try lease.check()
        return try await control.drain(deadline: deadline)
    }
    func uncordon(generation: Int) async throws {
        try lease.check()
        try await control.uncordon(generation: generation)
    }
    func leave(rollout: Int) async throws { try await control.leave(rollout: rollout) }
    func welcome(generation: Int, upTo rollout: Int) async throws {
        try lease.check()
        try await control.welcome(generation: generation, upTo: rollout)
    }
    func guests() async throws -> Int { try await control.guests() }
}

private struct FencedChores: HostChores {
    let chores: any HostChores
    let lease: HeldLease

    func wake() async throws -> Bool { try await chores.wake() }
    func bring(_ release: Digest) async throws {
        try lease.check()
        try await chores.bring(release)
    }
    func fault(_ next: GenerationPlan) async throws -> String? { try await chores.fault(next) }
    func keep(_ passwords: [String: Secret], of plan: GenerationPlan) async throws {
        try lease.check()
        try await chores.keep(passwords, of: plan)
    }
    func sweep(keeping instances: Set<String>) async throws {
        try lease.check()
        try await chores.sweep(keeping: instances)
    }
    func forget(_ host: String) async throws {
        try lease.check()
        try await chores.forget(host)
    }
}

private struct FencedUsers: UserDirectory {
    let users: any UserDirectory
    let lease: HeldLease

    func ensure(_ name: String, password: Secret, grants: [DatabaseGrant]) async throws -> UserChange {
        try lease.check()
        return try await users.ensure(name, password: password, grants: grants)
    }
    func holdsExactly(_ name: String, grants: [DatabaseGrant]) async throws -> Bool {
        try await users.holdsExactly(name, grants: grants)
    }
    func restrict(_ name: String, to grants: [DatabaseGrant]) async throws -> Bool {
        try lease.check()
        return try await users.restrict(name, to: grants)
    }
    func remove(_ name: String) async throws {
        try lease.check()
        try await users.remove(name)
    }
    func list(prefix: String) async throws -> [String] { try await users.list(prefix: prefix) }
    func holdings(prefix: String, databases: [String]) async throws -> [UserHolding] {
        try await users.holdings(prefix: prefix, databases: databases)
    }
}

private struct FencedFiles: FileStore {
    let files: any FileStore
    let lease: HeldLease

    func read(_ path: String) throws -> String? { try files.read(path) }
    func readSecret(_ path: String) throws -> Secret? { try files.readSecret(path) }
    func write(_ path: String, _ content: String, mode: UInt16) throws {
        try lease.check()
        try files.write(path, content, mode: mode)
    }
    func makeDirectory(_ path: String, mode: UInt16) throws {
        try lease.check()
        try files.makeDirectory(path, mode: mode)
    }
    func remove(_ path: String) throws {
        try lease.check()
        try files.remove(path)
    }
    func list(_ directory: String) throws -> [String] { try files.list(directory) }
}

private struct FencedVault: CredentialVault {
    let vault: any CredentialVault
    let lease: HeldLease

    func seal(_ content: Secret, named name: String, to path: String) async throws {
        try lease.check()
        try await vault.seal(content, named: name, to: path)
    }
}
