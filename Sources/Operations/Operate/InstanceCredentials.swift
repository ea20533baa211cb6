import Fleet
import Foundation
import Planning
import Ports

/// Gives each instance of a generation its own database user and its secret files, and takes both
/// away with the generation.
struct InstanceCredentials: Sendable {
    /// What nginx sends it as; header names have no case.
    private static let headerName = "x-convoy-secret"

    let ports: OperatorPorts
    let context: FleetContext

    /// Users and files of a new generation. Safe to run again: it makes new passwords then.
    func create(for plan: GenerationPlan) async throws {
        let directory = try userDirectory()
        var passwords: [String: Secret] = [:]
        for instance in plan.instances {
            // Before its user: what is swept goes by the directories.
            if ports.hosts == nil { try makeDirectories(instance) }
            if let proof = instance.proof, context.spec.database != nil {
                let password = ports.secrets.secret(bytes: 24)
                _ = try await directory?.ensure(proof.user, password: password, grants: proof.grants)
                passwords[instance.name] = password
            }
            if ports.hosts == nil { try await place(instance, password: passwords[instance.name]) }
        }
        try await ports.hosts?.keep(passwords, of: plan)
    }

    /// What an instance needs on the host where it runs.
    func place(_ instance: InstancePlan, password: Secret?) async throws {
        try makeDirectories(instance)
        let header = instance.probe.headersFile == nil ? nil : try headerSecret(instance.pool)
        var uri: Secret?
        if let password, let proof = instance.proof, let database = context.spec.database {
            try ports.files.write(passwordFile(instance), password.reveal(), mode: 0o600)
            uri = try ports.instanceURI(database.uri, proof.user, password)
        }
        try await writeFiles(instance, uri: uri, header: header)
    }

    /// Asks the database for anything at all as its admin: before a verb changes something, not in the
    /// middle of it. `plans` are those whose users the verb may have to take away.
    func checkAdmin(removing plans: [GenerationPlan]) async throws {
        let isNeeded = context.profile.needsDatabase || plans.contains(where: Self.hasUsers)
        _ = try await isNeeded ? admin().list(prefix: InstanceUser.prefix(fleet: context.spec.name)) : []
    }

    /// Corrects users that somebody changed; returns the names of those that it corrected.
    func correct(for plan: GenerationPlan) async throws -> [String] {
        guard let directory = try userDirectory() else { return [] }
        var corrected: [String] = []
        for instance in plan.instances {
            guard let proof = instance.proof else { continue }
            if ports.hosts != nil {
                if try await correctRoles(proof, directory) { corrected.append(proof.user) }
                continue
            }
            guard let password = try ports.files.read(passwordFile(instance)) else {
                throw Failure(
                    .failed, "cannot correct user \(proof.user)", because: "its password file is gone",
                    next: "run `convoy users rotate`: every instance gets a new user")
            }
            let change = try await directory.ensure(proof.user, password: Secret(password), grants: proof.grants)
            if change != .unchanged { corrected.append(proof.user) }
        }
        return corrected
    }

    /// Passwords are where the instances are; nobody else needs them for this.
    private func correctRoles(_ proof: ProofPlan, _ directory: any UserDirectory) async throws -> Bool {
        if try await directory.holdsExactly(proof.user, grants: proof.grants) { return false }
        if try await directory.restrict(proof.user, to: proof.grants) { return true }
        throw Failure(
            .failed, "cannot correct user \(proof.user)", because: "the database has no such user any more",
            next: "run `convoy users rotate`: every instance gets a new user")
    }

    /// When nothing runs any more: the next `up` makes new ones. The edge has copies.
    func removeHeaderSecrets() throws {
        try ports.files.remove(context.layout.secrets)
        let versions = context.layout.edgeConfiguration + "/versions"
        for version in try ports.files.list(versions) { try ports.files.remove("\(versions)/\(version)/secrets") }
    }

    func remove(of plan: GenerationPlan) async throws {
        // By what the generation has, not by what fleet.yaml says now: that may need no database any more.
        let directory = Self.hasUsers(plan) ? try admin() : nil
        for instance in plan.instances {
            if let proof = instance.proof { try await directory?.remove(proof.user) }
            if ports.hosts == nil { try removeFiles(of: instance.name) }
        }
        guard let hosts = ports.hosts else { return }
        // By what is to stay: a host that was away before may have more than this.
        let record = try await ports.ledger.load()
        let others = [record.current, record.next, record.scaling?.target].compactMap(\.self)
        let names = Set(others.flatMap(\.instances).map(\.name))
        try await hosts.sweep(keeping: names.subtracting(plan.instances.map(\.name)))
    }

    /// Where systemd makes the directories they are elsewhere, with a link at the usual place.
    func removeFiles(of name: String) throws {
        try ports.files.remove(context.layout.instance(name))
        try ports.files.remove(context.layout.privateInstance(name))
    }

    /// Users that an earlier, cut attempt may have left.
    func removeStrangers(keeping plans: [GenerationPlan]) async throws {
        guard let directory = try userDirectory() else { return }
        let kept = Set(plans.flatMap(\.instances).compactMap(\.proof?.user))
        for name in try await directory.list(prefix: InstanceUser.prefix(fleet: context.spec.name))
        where !kept.contains(name) {
            try await directory.remove(name)
        }
    }

    /// Of an instance whose generation is gone everything else goes, too: a command was cut in between. Its
    /// directory is made before its user and removed after it.
    func removeStrays(keeping plans: [GenerationPlan]) async throws {
        let kept = Set(plans.flatMap(\.instances).map(\.name))
        if let hosts = ports.hosts {
            try await removeStrangers(keeping: plans)
            return try await hosts.sweep(keeping: kept)
        }
        let strays = try ports.files.list(context.layout.instances).filter { !kept.contains($0) }
        guard !strays.isEmpty else { return }
        let directory = try userDirectory()
        for name in strays {
            try await directory?.remove(InstanceUser.name(fleet: context.spec.name, instance: name))
            try removeFiles(of: name)
        }
    }

    func userDirectory() throws -> (any UserDirectory)? {
        context.profile.needsDatabase ? try admin() : nil
    }

    private static func hasUsers(_ plan: GenerationPlan) -> Bool { plan.instances.contains { $0.proof != nil } }

    private func admin() throws -> any UserDirectory {
        guard let path = context.adminFile else {
            throw Failure(
                .badSpec, "cannot manage the instances' database users", because: "database/admin is absent",
                next: "name a 0600 file with the admin's connection string in database/admin/file; it is needed "
                    + "until no generation has users any more")
        }
        guard let uri = try ports.files.readSecret(path) else {
            throw Failure(
                .unavailable, "cannot read the admin's connection string", because: "\(path) is missing",
                next: "write it there with mode 0600, or correct database/admin/file")
        }
        return try ports.users(Secret(uri.reveal().trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// One per pool, since nginx builds a request once, whichever sibling it retries at; and the same for
    /// each generation, since a new one would need a reload of nginx in the middle of a rollout.
    private func headerSecret(_ pool: String) throws -> Secret {
        let path = context.layout.headerSecret(pool)
        if let known = try ports.files.read(path), !known.isEmpty { return Secret(known) }
        let new = ports.secrets.secret(bytes: 32)
        try ports.files.makeDirectory(context.layout.secrets, mode: 0o700)
        try ports.files.write(path, new.reveal(), mode: 0o600)
        return new
    }

    private func passwordFile(_ instance: InstancePlan) -> String {
        context.layout.instance(instance.name) + "/password"
    }

    private func makeDirectories(_ instance: InstancePlan) throws {
        let directory = context.layout.instance(instance.name)
        // Units get those below it from systemd, for a user that has no name yet.
        let own = ports.vault == nil ? ["/state", "/exports", "/log"] : []
        for path in [directory] + own.map({ directory + $0 }) {
            try ports.files.makeDirectory(path, mode: 0o700)
        }
    }

    private func writeFiles(_ instance: InstancePlan, uri: Secret?, header: Secret?) async throws {
        let headers = header.map { [Self.headerName: $0.reveal()] } ?? [:]
        var environment: [String: String] = [:]
        for (name, kind) in context.profile.start.secrets {
            switch kind {
            case .databaseURI: environment[name] = uri?.reveal()
            case .headerSecret: environment[name] = try compact(headers)
            }
        }
        if let path = instance.launch.secretsFile {
            if let vault = ports.vault {
                let content = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\0" }.joined()
                let credential = context.layout.credential(instance.name)
                try await vault.seal(Secret(content), named: "environment", to: credential)
            } else {
                try ports.files.write(path, try compact(environment), mode: 0o600)
            }
        }
        if let path = instance.proof?.uriFile, let uri {
            try ports.files.write(path, uri.reveal() + "\n", mode: 0o600)
        }
        if let path = instance.probe.headersFile {
            try ports.files.write(path, try compact(headers), mode: 0o600)
        }
    }

    private func compact(_ value: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
