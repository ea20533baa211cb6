import Fleet

/// What the template of an instance's unit sees, every value checked and escaped. Field names are the template's.
struct UnitContext {
    let fleet: String
    let pool: String
    let instance: String
    let generation: Int
    let wish: String
    let release: String
    let directory: String
    let workingDirectory: String
    let command: String
    let environment: [String]
    /// `LoadCredentialEncrypted` or `LoadCredential`, and the path.
    let credential: Credential?
    let memory: Int?
    let tasks: Int
    let cpu: Int?
    let stopSignal: String
    let stopDeadline: String
    let cleanStatus: String?
    let memoryDenyWriteExecute: Bool

    struct Credential {
        let setting: String
        let path: String
    }

    init(_ plan: UnitPlan) throws {
        instance = try SystemdText("instance").name(plan.instance)
        fleet = try SystemdText("fleet").name(plan.fleet)
        pool = try SystemdText("pool").name(plan.pool)
        func check(_ what: String) -> SystemdText { SystemdText("instance \(plan.instance): \(what)") }
        generation = try check("generation").number(plan.generation, in: 1...Int(Int32.max))
        wish = plan.wish.hex
        release = try check("release").path(plan.release)
        directory = try check("directory").below(plan.directory)
        workingDirectory = try check("working directory").path(plan.launch.workingDirectory)
        guard workingDirectory.hasPrefix("/var/lib/\(directory)/") else {
            throw check("working directory").refused(
                workingDirectory, "not below /var/lib/\(directory), where systemd makes it (is --root not / ?)")
        }
        command = try Self.command(plan, release, check)
        environment = try plan.launch.environment.sorted { $0.key < $1.key }.map {
            try check("environment \($0.key)").assignment($0.key, $0.value)
        }
        credential = try plan.credential.map {
            Credential(
                setting: $0.isEncrypted ? "LoadCredentialEncrypted" : "LoadCredential",
                path: try check("credential").path($0.path))
        }
        memory = try plan.limits.memory.map { try check("memory").number($0, in: (16 << 20)...(1 << 46)) }
        tasks = try check("tasks").number(plan.limits.tasks, in: 1...1_000_000)
        cpu = try plan.limits.cpu.map { try check("cpu").number($0, in: 1...1_000_000) }
        guard ["TERM", "INT", "QUIT"].contains(plan.stop.signal) else {
            throw check("stop signal").refused(plan.stop.signal, "not TERM, INT or QUIT")
        }
        stopSignal = "SIG" + plan.stop.signal
        stopDeadline = try check("stop deadline").span(plan.stop.deadline)
        let codes = try plan.stop.cleanExitCodes.filter { $0 != 0 }.map {
            String(try check("clean exit code").number($0, in: 1...255))
        }
        let clean = codes + (plan.stop.dyingBySignalIsClean ? [stopSignal] : [])
        cleanStatus = clean.isEmpty ? nil : clean.joined(separator: " ")
        memoryDenyWriteExecute = plan.memoryDenyWriteExecute
    }

    /// Through convoy-exec, which moves the credential into the environment.
    private static func command(
        _ plan: UnitPlan, _ release: String, _ check: (String) -> SystemdText
    ) throws -> String {
        let executable = try check("executable").path(plan.launch.executable)
        guard ["/usr/", "/bin/", "/opt/", release + "/"].contains(where: executable.hasPrefix) else {
            throw check("executable").refused(
                executable, "an instance runs programs below /usr, /opt and its release only")
        }
        let words = try plan.launch.arguments.enumerated().map {
            try check("argument \($0.offset + 1)").argument($0.element)
        }
        let credential = plan.credential == nil ? "" : "--credential environment "
        let line = "\(credential)-- \(([executable] + words).joined(separator: " "))"
        // systemd reads lines up to 1 MiB, and would refuse the whole unit.
        guard line.utf8.count < 512 * 1024 else { throw check("arguments").refused("...", "longer than 512 KiB") }
        return line
    }
}
