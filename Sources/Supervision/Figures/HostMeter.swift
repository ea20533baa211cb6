import Fleet
import Glibc
import Ports
import Synchronization

/// Figures from the edge's two logs and from /proc, which tells the same on every backend: a systemd unit's main
/// process leads a session of its own, too.
package final class HostMeter: InstanceMeter {
    private let access: Mutex<LogTail>
    private let faults: Mutex<LogTail>

    package init(accessLog: String, errorLog: String) {
        access = Mutex(LogTail(path: accessLog))
        faults = Mutex(LogTail(path: errorLog))
    }

    package func accessLines() -> [String] { access.withLock { $0.lines() } }
    package func faultLines() -> [String] { faults.withLock { $0.lines() } }

    package func residentBytes(of records: [ProcessRecord]) -> [String: Int] {
        let leaders = Dictionary(records.map { ($0.pid, $0.id) }, uniquingKeysWith: { first, _ in first })
        guard !leaders.isEmpty, let entries = try? names(in: "/proc") else { return [:] }
        let page = sysconf(Int32(_SC_PAGESIZE))
        var found: [String: Int] = [:]
        // getsid first: it costs a fraction of reading a file, and most processes are nobody's instance.
        for pid in entries.compactMap({ Int32($0) }) {
            guard let id = leaders[getsid(pid)], let pages = Self.residentPages(pid) else { continue }
            found[id, default: 0] += pages * page
        }
        return found
    }

    /// The second number of `/proc/PID/statm`. Shared pages count for each process: a server that forks looks
    /// bigger than it is, but grows no faster.
    private static func residentPages(_ pid: Int32) -> Int? {
        guard let bytes = try? OwnedDescriptor(opening: "/proc/\(pid)/statm", O_RDONLY).readAll() else { return nil }
        let fields = bytes.split(separator: UInt8(ascii: " "), maxSplits: 2)
        return fields.count > 1 ? Int(String(decoding: fields[1], as: UTF8.self)) : nil
    }
}
