/// What a host has left, and what those who run on it use. Nil where nothing could be seen: of that nothing is
/// concluded.
package struct RoomFigures: Sendable, Equatable {
    package struct Disk: Sendable, Equatable {
        /// A directory on it.
        package var path: String
        /// For whoever is not root.
        package var freeBytes: Int
        /// Nil on file systems that do not count them.
        package var freeFiles: Int?

        package init(path: String, freeBytes: Int, freeFiles: Int?) {
            self.path = path
            self.freeBytes = freeBytes
            self.freeFiles = freeFiles
        }
    }

    package struct Process: Sendable, Equatable {
        /// Memory that is its own and that of its session: what is shared with others costs the next one nothing.
        package var ownBytes: Int?
        package var openFiles: Int?

        package init(ownBytes: Int?, openFiles: Int?) {
            self.ownBytes = ownBytes
            self.openFiles = openFiles
        }
    }

    /// Free, or made free when somebody needs it; within this process's own bounds.
    package var memoryAvailable: Int?
    /// One for each file system.
    package var disks: [Disk]
    /// Of the trees that were asked about, together.
    package var usedBytes: Int
    package var usedFiles: Int
    package var processes: [Int32: Process]
    /// Descriptors of the whole host: in use, and at most.
    package var openFiles: Int?
    package var openFilesLimit: Int?
    /// How many descriptors a process may have that is started now.
    package var descriptorLimit: Int?
    /// Who listens, such as `nginx (pid 12)`, by port.
    package var listeners: [Int: String]

    package init(
        memoryAvailable: Int? = nil, disks: [Disk] = [], usedBytes: Int = 0, usedFiles: Int = 0,
        processes: [Int32: Process] = [:], openFiles: Int? = nil, openFilesLimit: Int? = nil,
        descriptorLimit: Int? = nil, listeners: [Int: String] = [:]
    ) {
        self.memoryAvailable = memoryAvailable
        self.disks = disks
        self.usedBytes = usedBytes
        self.usedFiles = usedFiles
        self.processes = processes
        self.openFiles = openFiles
        self.openFilesLimit = openFilesLimit
        self.descriptorLimit = descriptorLimit
        self.listeners = listeners
    }
}

/// What speaks against a generation before anything of it is made.
package struct RoomFinding: Sendable, Equatable {
    package enum Kind: String, Sendable, Equatable, CaseIterable { case memory, disk, files, ports, descriptors }

    package var kind: Kind
    /// What and why, with the figures.
    package var why: String
    package var next: String
    /// Else it is only told: the figures are guesses.
    package var isRefusal: Bool

    package init(_ kind: Kind, _ why: String, next: String, isRefusal: Bool = true) {
        self.kind = kind
        self.why = why
        self.next = next
        self.isRefusal = isRefusal
    }

    /// `memory: 3 instances need ..., ... are available (free some)`
    package var words: String { "\(kind.rawValue): \(why) (\(next))" }
}
