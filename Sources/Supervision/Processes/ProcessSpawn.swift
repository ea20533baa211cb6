import CProcess
import Fleet
import Glibc
import Ports

/// One start of a process: all that can fail without a child is done before there is one.
struct ProcessSpawn {
    let plan: ProcessPlan

    /// The pid and a pidfd that the caller owns.
    func run() throws -> (pid: Int32, pidfd: Int32) {
        guard plan.executable.hasPrefix("/") else {
            throw refusal("\(plan.executable) is no absolute path", next: "name the program by its full path")
        }
        guard plan.listeners.count <= Int(CONVOY_MAX_LISTENERS) else {
            throw refusal("it wants \(plan.listeners.count) listeners", next: "give it \(CONVOY_MAX_LISTENERS) at most")
        }
        for directory in plan.ownDirectories { try own(directory) }
        let arguments = try CStrings([plan.executable] + plan.arguments, of: plan)
        let environment = try CStrings(environment(), of: plan)
        let input = try opened("/dev/null", O_RDONLY)
        // Appending straight to the file, not through us: its output survives its supervisor.
        let output = try opened(plan.logFile, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW)
        let spawned = spawning.withLock { _ in
            spawn(arguments, environment, input: input.number, output: output.number)
        }
        guard spawned.error == 0 else { throw StartFailure(plan: plan, spawned: spawned).failure }
        return (spawned.pid, spawned.pidfd)
    }

    private func spawn(
        _ arguments: borrowing CStrings, _ environment: borrowing CStrings, input: Int32, output: Int32
    ) -> convoy_spawned {
        plan.executable.withCString { executable in
            plan.workingDirectory.withCString { directory in
                plan.listeners.withUnsafeBufferPointer { listeners in
                    var request = convoy_spawn_plan()
                    request.executable = executable
                    request.arguments = UnsafePointer(arguments.pointer)
                    request.environment = UnsafePointer(environment.pointer)
                    request.listen_pid = environment.value(of: "LISTEN_PID=")
                    request.directory = directory
                    request.input = input
                    request.output = output
                    request.listeners = listeners.baseAddress
                    request.listener_count = Int32(listeners.count)
                    request.drops_privileges = plan.runAs != nil
                    request.user = plan.runAs?.user ?? 0
                    request.group = plan.runAs?.group ?? 0
                    return convoy_spawn(&request)
                }
            }
        }
    }

    private func environment() throws -> [String] {
        var values = plan.environment
        if let path = plan.secretsFile {
            for (name, secret) in try SecretsFile(path: path).read() { values[name] = secret.reveal() }
        }
        // Somebody else's announcement of listeners would be a lie here.
        values["LISTEN_PID"] = nil
        values["LISTEN_FDS"] = nil
        values["LISTEN_FDNAMES"] = nil
        if !plan.listeners.isEmpty {
            values["LISTEN_FDS"] = String(plan.listeners.count)
            // Only the child knows its pid; this is the room it writes it to.
            values["LISTEN_PID"] = "0000000000"
        }
        return values.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }
    }

    private func own(_ directory: String) throws {
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw notItsOwn(directory) }
        // Opened without following links: what is given away is the directory itself.
        let descriptor = try opened(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard fchmod(descriptor.number, 0o700) == 0 else { throw notItsOwn(directory) }
        guard let owner = plan.runAs else { return }
        guard fchown(descriptor.number, owner.user, owner.group) == 0 else { throw notItsOwn(directory) }
    }

    private func notItsOwn(_ directory: String) -> Failure {
        refusal("\(directory) can't be made its own: \(String(cString: strerror(errno)))", next: "look who owns it")
    }

    private func opened(_ path: String, _ flags: Int32) throws -> OwnedDescriptor {
        do {
            return try OwnedDescriptor(opening: path, flags, mode: 0o600)
        } catch {
            throw error.failure("cannot start \(plan.id): cannot open \(path)", path: path)
        }
    }

    private func refusal(_ why: String, next: String) -> Failure {
        Failure(.failed, "cannot start \(plan.id)", because: why, next: next)
    }
}

/// A NULL-terminated array of C strings, wiped when it goes: some of them are secrets.
private struct CStrings: ~Copyable {
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String], of plan: ProcessPlan) throws {
        guard strings.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw Failure(
                .failed, "cannot start \(plan.id)", because: "an argument or a variable holds a NUL byte",
                next: "remove it from the settings")
        }
        count = strings.count
        pointer = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointer[index] = strdup(string) }
        pointer[count] = nil
    }

    /// Where the rest of the string that starts with `prefix` is.
    func value(of prefix: String) -> UnsafeMutablePointer<CChar>? {
        for index in 0..<count {
            guard let string = pointer[index] else { continue }
            if strncmp(string, prefix, prefix.utf8.count) == 0 { return string + prefix.utf8.count }
        }
        return nil
    }

    deinit {
        for index in 0..<count {
            guard let string = pointer[index] else { continue }
            convoy_wipe(string, strlen(string))
            free(string)
        }
        pointer.deallocate()
    }
}
