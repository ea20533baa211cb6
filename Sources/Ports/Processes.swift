import Fleet

/// Starts and watches processes that outlive their watcher. Direct: child processes in their own
/// sessions, found again by pid and start time. (systemd: units.)
package protocol ProcessBackend: Sendable {
    /// Starts the process in a session and group of its own and returns once it was exec'd. Throws a
    /// `Failure` when the exec itself failed.
    func start(_ plan: ProcessPlan) async throws -> ProcessRecord
    /// Watches a process started by an earlier supervisor. False when it is gone, or when the pid
    /// now belongs to somebody else.
    func adopt(_ record: ProcessRecord) async -> Bool
    /// Who runs under this id though no record of it was kept: its supervisor was killed between the start and
    /// the record. Nil also where a second start of what runs is no second process (systemd).
    func find(_ id: String, logFile: String) async -> ProcessRecord?
    /// Sends the signal to the process, or to its whole group.
    func signal(_ record: ProcessRecord, _ signal: ProcessSignal, wholeGroup: Bool) async
    /// One per started or adopted process, in order of death. Consumed once.
    var exits: AsyncStream<ProcessExit> { get }
    /// It is gone and does not come back: ends whatever still runs under this id, also what the backend
    /// restarted by itself, and takes away what the backend made for it.
    func retire(_ id: String) async
}

extension ProcessBackend {
    package func retire(_ id: String) async {}
    package func find(_ id: String, logFile: String) async -> ProcessRecord? { nil }
}

package struct ProcessPlan: Sendable, Equatable {
    /// Instance name, `gate` or `edge`.
    package var id: String
    package var executable: String
    package var arguments: [String]
    /// The whole environment apart from the secrets: nothing is inherited.
    package var environment: [String: String]
    /// Merged into the environment just before exec.
    package var secretsFile: String?
    package var workingDirectory: String
    /// Standard output and error are appended to it; created 0600.
    package var logFile: String
    /// Descriptors that become 3, 4, ... in the process, announced by LISTEN_FDS and LISTEN_PID as
    /// systemd does.
    package var listeners: [Int32]
    /// Drop to this user and group before exec; only possible as root.
    package var runAs: UserAndGroup?
    /// Made before the start if missing, mode 0700, and given to `runAs`: the only places it may write to.
    /// (systemd: `RuntimeDirectory=`.)
    package var ownDirectories: [String]
    /// The unit file of an instance, by its name below systemd's directory of units; absent elsewhere.
    package var unit: RenderedFile?

    package struct UserAndGroup: Sendable, Equatable {
        package var user: UInt32
        package var group: UInt32

        package init(user: UInt32, group: UInt32) {
            self.user = user
            self.group = group
        }
    }

    package init(
        id: String, executable: String, arguments: [String], environment: [String: String],
        secretsFile: String? = nil, workingDirectory: String, logFile: String, listeners: [Int32] = [],
        runAs: UserAndGroup? = nil, ownDirectories: [String] = [], unit: RenderedFile? = nil
    ) {
        self.id = id
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.secretsFile = secretsFile
        self.workingDirectory = workingDirectory
        self.logFile = logFile
        self.listeners = listeners
        self.runAs = runAs
        self.ownDirectories = ownDirectories
        self.unit = unit
    }
}

/// Enough to find a process again and to know that it still is the same one.
package struct ProcessRecord: Sendable, Hashable, Codable {
    package var id: String
    package var pid: Int32
    /// Clock ticks after boot (`/proc/PID/stat`, field 22): tells a reused pid from the old owner.
    package var startTicks: UInt64

    package init(id: String, pid: Int32, startTicks: UInt64) {
        self.id = id
        self.pid = pid
        self.startTicks = startTicks
    }
}

package struct ProcessExit: Sendable, Equatable {
    package enum Cause: Sendable, Equatable {
        case exited(code: Int32)
        case signalled(Int32)
        /// An adopted process: whoever reaped it knows.
        case unknown
    }

    package var record: ProcessRecord
    package var cause: Cause

    package init(record: ProcessRecord, cause: Cause) {
        self.record = record
        self.cause = cause
    }
}

package enum ProcessSignal: String, Sendable, Equatable, Codable { case term, int, quit, kill, hup }

/// Runs a server's program once, apart from all that runs, to hear what it says of its settings. It is told no
/// secret.
package protocol DryRunner: Sendable {
    /// Nil when it ended by itself with 0 before its deadline; else why not, with what it said first and last on its
    /// standard error. What it prints on standard output is thrown away.
    func run(_ trial: DryRun) async throws -> String?
}

package struct DryRun: Sendable, Equatable {
    package var executable: String
    package var arguments: [String]
    /// The whole environment.
    package var environment: [String: String]
    /// Directory of the release.
    package var release: String
    package var deadline: Seconds

    package init(
        executable: String, arguments: [String], environment: [String: String], release: String, deadline: Seconds
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.release = release
        self.deadline = deadline
    }
}
