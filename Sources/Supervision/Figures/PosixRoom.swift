import Glibc
import Planning
import Ports

/// What this host has left, from /proc, /sys and statvfs.
package struct PosixRoom: HostRoom {
    /// Where a tree has more entries, it is known to be large, and no more is asked.
    private static let entryLimit = 200_000

    package init() {}

    package func figures(_ inquiry: RoomInquiry) -> RoomFigures {
        var figures = RoomFigures()
        figures.memoryAvailable = MemoryRoom.available()
        figures.disks = disks(inquiry.directories)
        for tree in inquiry.trees { measure(tree, &figures) }
        figures.processes = processes(inquiry.processes)
        (figures.openFiles, figures.openFilesLimit) = Self.openFiles(ProcFiles.text("/proc/sys/fs/file-nr"))
        let starter = inquiry.starter.map { "\($0)" } ?? "self"
        figures.descriptorLimit = Self.descriptorLimit(ProcFiles.text("/proc/\(starter)/limits"))
        for (port, owner) in PortOwner.listening(on: Set(inquiry.ports.compactMap { UInt16(exactly: $0) })) {
            figures.listeners[Int(port)] = owner.description
        }
        return figures
    }

    // MARK: Disk

    /// Each file system once, by the first of its directories.
    private func disks(_ directories: [String]) -> [RoomFigures.Disk] {
        var seen: Set<dev_t> = []
        return directories.compactMap { directory in
            var path = directory
            var status = stat()
            // What is not made yet will be on its parent's.
            while stat(path, &status) != 0, let slash = path.lastIndex(of: "/"), path != "/" {
                path = slash == path.startIndex ? "/" : String(path[..<slash])
            }
            var room = statvfs()
            guard seen.insert(status.st_dev).inserted, statvfs(path, &room) == 0 else { return nil }
            let bytes = UInt64(room.f_bavail).multipliedReportingOverflow(by: UInt64(room.f_frsize))
            return RoomFigures.Disk(
                path: path, freeBytes: bytes.overflow ? .max : Int(clamping: bytes.partialValue),
                // btrfs and others have no fixed number of files, and say 0 of 0.
                freeFiles: room.f_files == 0 ? nil : Int(clamping: room.f_favail))
        }
    }

    /// Never follows a link.
    private func measure(_ path: String, _ figures: inout RoomFigures) {
        var waiting = [path]
        while let next = waiting.popLast(), figures.usedFiles < Self.entryLimit {
            var status = stat()
            guard lstat(next, &status) == 0 else { continue }
            figures.usedFiles += 1
            figures.usedBytes += Int(status.st_blocks) * 512
            guard status.st_mode & S_IFMT == S_IFDIR, let entries = try? names(in: next) else { continue }
            waiting += entries.map { next + "/" + $0 }
        }
    }

    // MARK: Processes

    /// As `HostMeter` counts: a leader with all of its session.
    private func processes(_ leaders: [Int32]) -> [Int32: RoomFigures.Process] {
        let wanted = Set(leaders)
        guard !wanted.isEmpty, let entries = try? names(in: "/proc") else { return [:] }
        let page = sysconf(Int32(_SC_PAGESIZE))
        var found: [Int32: RoomFigures.Process] = [:]
        for pid in entries.compactMap({ Int32($0) }) {
            let leader = getsid(pid)
            guard wanted.contains(leader), let pages = Self.ownPages(ProcFiles.text("/proc/\(pid)/statm")) else {
                continue
            }
            var process = found[leader] ?? RoomFigures.Process(ownBytes: 0, openFiles: nil)
            process.ownBytes = (process.ownBytes ?? 0) + pages * page
            // The limit is each process's own.
            let open = (try? names(in: "/proc/\(pid)/fd"))?.count
            process.openFiles = [process.openFiles, open].compactMap(\.self).max()
            found[leader] = process
        }
        return found
    }

    /// Of `/proc/PID/statm` (`size resident shared ...`): resident, but not shared with a file that others map.
    static func ownPages(_ line: String) -> Int? {
        let fields = line.split(separator: " ")
        guard fields.count > 2, let resident = Int(fields[1]), let shared = Int(fields[2]) else { return nil }
        return max(0, resident - shared)
    }

    /// `/proc/sys/fs/file-nr`: in use, free (always 0), at most.
    static func openFiles(_ line: String) -> (Int?, Int?) {
        let fields = line.split(whereSeparator: \.isWhitespace)
        return fields.count == 3 ? (Int(fields[0]), Int(fields[2])) : (nil, nil)
    }

    /// The soft limit in `/proc/PID/limits`; nil = unlimited or unknown.
    static func descriptorLimit(_ table: String) -> Int? {
        let row = table.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        return row?.split(separator: " ").dropFirst(3).first.flatMap { Int($0) }
    }
}

/// How much memory this process and those it starts may still have.
enum MemoryRoom {
    static func available() -> Int? {
        let host = field("MemAvailable:", in: ProcFiles.text("/proc/meminfo")).map { $0 * 1024 }
        return [host, ofGroup()].compactMap(\.self).min()
    }

    /// In a container the whole of /sys/fs/cgroup is its own group; on a host the root has no bound, and a unit's
    /// own one is not that of the units that it starts.
    private static func ofGroup() -> Int? {
        let group = "/sys/fs/cgroup/"
        return available(
            most: ProcFiles.text(group + "memory.max"), current: ProcFiles.text(group + "memory.current"),
            statistics: ProcFiles.text(group + "memory.stat"))
    }

    /// What the group holds of files that it can let go of is not in use.
    static func available(most: String, current: String, statistics: String) -> Int? {
        func number(_ text: String) -> Int? { Int(text.filter { !$0.isWhitespace }) }
        guard let most = number(most), let current = number(current) else { return nil }
        return max(0, most - current + (field("inactive_file", in: statistics) ?? 0))
    }

    /// The first number of the line that begins so.
    static func field(_ name: String, in text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.split(separator: " ").first == Substring(name) }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
