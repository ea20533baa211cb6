import Fleet
import Foundation
import Planning
import Ports

/// The files that a host of these generations has, and what is one too many.
struct DriftWishes: Sendable {
    let layout: FleetLayout
    let files: any FileStore
    let plans: [Int: GenerationPlan]
    /// Whose the fleet's files are.
    let user: UInt32
    let isDirect: Bool

    private var instances: [(InstancePlan, GenerationPlan)] {
        plans.values.sorted { $0.number < $1.number }.flatMap { plan in plan.instances.map { ($0, plan) } }
    }

    /// Looks at everything; what can't be looked at is told, and nothing is guessed of it.
    func look(
        _ known: [FileWish], _ edge: [FileWish], _ hasUnits: Bool, _ surveyor: any HostSurveyor,
        _ survey: inout DriftSurvey
    ) {
        for wish in directories + sockets + state + instances.flatMap({ instanceFiles($0.0, $0.1) }) + known {
            do {
                survey.files.append(FileSighting(wish: wish, fact: try surveyor.file(wish.path)))
            } catch {
                survey.unseen.append(FleetSupervisor.words(error))
            }
        }
        do {
            for (path, kind) in try strays(edge, hasUnits) {
                survey.strays.append(StrayFile(path: path, kind: kind, fact: try surveyor.file(path)))
            }
        } catch {
            survey.unseen.append(FleetSupervisor.words(error))
        }
        for (instance, plan) in instances {
            survey.credentials += DriftCredentials(layout: layout, files: files).judge(instance, plan)
        }
    }

    // MARK: What there should be

    private var directories: [FileWish] {
        func directory(_ path: String, _ mode: UInt16) -> FileWish {
            FileWish(path, .record, .directory, mode: mode, owner: user)
        }
        var found = [
            directory(layout.configuration, 0o755), directory(layout.configuration + "/gate", 0o755),
            directory(layout.state, 0o755), directory(layout.generations, 0o700), directory(layout.instances, 0o700),
            FileWish(layout.logs, .record, .directory, forbidden: 0o066, owner: user),
            FileWish(layout.edgeConfiguration, .record, .directory, forbidden: 0o022),
            FileWish(layout.gateRuntime, .record, .directory, mode: 0o700),
        ]
        // Units get the others from systemd.
        if isDirect { found += [directory(layout.runtime, 0o755), directory(layout.edgeRuntime, 0o755)] }
        return plans.isEmpty ? [] : found
    }

    private var sockets: [FileWish] {
        guard !plans.isEmpty else { return [] }
        let control = FileWish(layout.controlSocket, .record, .socket, mode: 0o600, owner: user)
        return isDirect ? [control, FileWish(layout.gateSocket, .record, .socket, mode: 0o600)] : [control]
    }

    /// The ledger, logs and keys, as far as they are there: others choose their names.
    private var state: [FileWish] {
        func names(_ directory: String) -> [String] { (try? files.list(directory)) ?? [] }
        let ledger = names(layout.state).filter { $0.hasPrefix("ledger") && !$0.contains(".new.") }
        let logs = names(layout.logs).filter { $0.hasSuffix(".log") }
        return ledger.map { FileWish(layout.state + "/" + $0, .record, forbidden: 0o022) }
            + logs.map { FileWish(layout.logs + "/" + $0, .record, forbidden: 0o022) }
            + names(layout.issuer).filter { $0.hasSuffix(".pem") }.map {
                FileWish(layout.issuer + "/" + $0, .credential, mode: 0o600, owner: user)
            }
    }

    private func instanceFiles(_ instance: InstancePlan, _ plan: GenerationPlan) -> [FileWish] {
        let directory = layout.instance(instance.name)
        let own = isDirect ? ["/state", "/exports", "/log"] : []
        var wishes = ([""] + own).map {
            FileWish(directory + $0, .record, .directory, mode: 0o700, owner: user)
        }
        wishes += secretFiles(instance, plan).map {
            FileWish(directory + "/" + $0, .credential, mode: 0o600, owner: user)
        }
        if instance.probe.headersFile != nil {
            wishes.append(FileWish(layout.headerSecret(instance.pool), .credential, mode: 0o600, owner: user))
        }
        return wishes
    }

    private func secretFiles(_ instance: InstancePlan, _ plan: GenerationPlan) -> [String] {
        var names: [String] = []
        if instance.proof != nil, plan.origin.spec.database != nil { names += ["password", "uri"] }
        if instance.launch.secretsFile != nil { names.append(isDirect ? "secrets.json" : "environment.cred") }
        if instance.probe.headersFile != nil { names.append("headers.json") }
        return names
    }

    // MARK: What there should not be

    private func strays(_ edge: [FileWish], _ hasUnits: Bool) throws -> [(String, DriftFinding.Kind)] {
        guard !plans.isEmpty else { return [] }
        var strays = try foreign(layout.generations, known: Set(plans.keys.map { "\($0).plan.json" } + ["active.json"]))
            .map { ($0, $0.hasSuffix(".plan.json") ? DriftFinding.Kind.generation : .stray) }
        let names = Set(instances.map(\.0.name))
        strays += try foreign(layout.instances, known: names).map { ($0, .generation) }
        for (instance, plan) in instances {
            let known = Set(secretFiles(instance, plan) + ["state", "exports", "log"])
            strays += try foreign(layout.instance(instance.name), known: known).map { ($0, .stray) }
        }
        strays += try foreign(layout.configuration + "/gate", known: ["policy.json", "refresher.json"])
            .map { ($0, .stray) }
        // One level below is all that is ever installed.
        let installed = Set(edge.map(\.path))
        let current = layout.edgeConfiguration + "/current"
        for path in edge.isEmpty ? [] : try foreign(current, known: []) where !installed.contains(path) {
            let isDirectory = installed.contains { $0.hasPrefix(path + "/") }
            let inside = isDirectory ? try foreign(path, known: []).filter { !installed.contains($0) } : [path]
            strays += inside.map { ($0, .stray) }
        }
        guard hasUnits else { return strays }
        let units = try files.list(FleetSupervisor.unitsDirectory).filter { name in
            UnitName(name).instance.map { !names.contains($0) } ?? false
        }
        return strays + units.map { (FleetSupervisor.unitsDirectory + "/" + $0, .generation) }
    }

    /// A name with `.new.` is a file that is being written just now.
    private func foreign(_ directory: String, known: Set<String>) throws -> [String] {
        try files.list(directory).filter { !known.contains($0) && !$0.contains(".new.") }.map { directory + "/" + $0 }
    }
}

/// Whether an instance's secret files agree with each other. No finding holds anything of them.
struct DriftCredentials: Sendable {
    let layout: FleetLayout
    let files: any FileStore

    func judge(_ instance: InstancePlan, _ plan: GenerationPlan) -> [CredentialSighting] {
        var sightings: [CredentialSighting] = []
        func compare(_ path: String, _ isRight: Bool, _ fault: String) {
            sightings.append(CredentialSighting(path: path, fault: isRight ? nil : fault))
        }
        let uri = uri(instance, plan)
        if let uri, let proof = instance.proof, let found = text(proof.uriFile) {
            compare(proof.uriFile, found == uri + "\n", "another connection string than its password file makes")
        }
        let secret = instance.probe.headersFile.flatMap { _ in text(layout.headerSecret(instance.pool)) }
        if let path = instance.probe.headersFile, let secret, let found = text(path) {
            compare(path, object(found)?.values.first == secret, "another header secret than its pool's")
        }
        if let path = instance.launch.secretsFile, let found = text(path) {
            let values = object(found)
            let isRight = plan.origin.profile.start.secrets.allSatisfy { name, kind in
                switch kind {
                case .databaseURI: uri == nil || values?[name] == uri
                case .headerSecret: secret == nil || values?[name].flatMap(object)?.values.first == secret
                }
            }
            let names = Set(plan.origin.profile.start.secrets.keys)
            let isWhole = isRight && Set((values ?? [:]).keys).isSubset(of: names)
            compare(path, isWhole, "other secrets than its own files have")
        }
        return sightings
    }

    /// Nil when the password can't be read: that is told of its file.
    private func uri(_ instance: InstancePlan, _ plan: GenerationPlan) -> String? {
        guard let proof = instance.proof, let base = plan.origin.spec.database?.uri,
            let password = text(layout.instance(instance.name) + "/password")
        else { return nil }
        return try? InstanceURI.make(base: base, user: proof.user, password: Secret(password)).reveal()
    }

    private func text(_ path: String) -> String? { (try? files.read(path)).flatMap { $0 } }

    private func object(_ text: String) -> [String: String]? {
        try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    }
}
