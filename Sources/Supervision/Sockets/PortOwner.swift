import Glibc

/// Who listens on a TCP port, for errors that help at 3 a.m.
package struct PortOwner: Sendable, Equatable, CustomStringConvertible {
    package var pid: Int32
    package var command: String

    package var description: String { "\(command) (pid \(pid))" }

    /// Nil when nobody listens, or when the owner's descriptors may not be read.
    package static func listening(on port: UInt16) -> PortOwner? {
        let targets = sockets(on: port)
        guard !targets.isEmpty, let entries = try? names(in: "/proc") else { return nil }
        for pid in entries.compactMap({ Int32($0) }).sorted() where holds(pid, targets) {
            return PortOwner(pid: pid, command: content("/proc/\(pid)/comm").filter { !$0.isNewline })
        }
        return nil
    }

    /// Whether the process is one of those that listen; a socket can have many owners.
    package static func isListening(_ pid: Int32, on port: UInt16) -> Bool {
        let targets = sockets(on: port)
        return !targets.isEmpty && holds(pid, targets)
    }

    private static func sockets(on port: UInt16) -> Set<String> {
        let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeningInodes(in: content($0), port: port) }
        return Set(inodes.map { "socket:[\($0)]" })
    }

    private static func holds(_ pid: Int32, _ targets: Set<String>) -> Bool {
        let directory = "/proc/\(pid)/fd"
        guard let descriptors = try? names(in: directory) else { return false }
        return descriptors.contains { targets.contains(linkTarget(directory + "/" + $0)) }
    }

    /// Rows are `sl local_address rem_address st ... uid timeout inode`, addresses in hex, state 0A = listening.
    static func listeningInodes(in table: String, port: UInt16) -> [String] {
        table.split(separator: "\n").compactMap { row in
            let fields = row.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let hex = fields[1].split(separator: ":").last,
                UInt16(hex, radix: 16) == port
            else { return nil }
            return String(fields[9])
        }
    }

    private static func content(_ path: String) -> String {
        let bytes = try? OwnedDescriptor(opening: path, O_RDONLY).readAll()
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    private static func linkTarget(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    }
}
