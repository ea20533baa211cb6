import Glibc

/// Who listens on a TCP port, for errors that help at 3 a.m.
package struct PortOwner: Sendable, Equatable, CustomStringConvertible {
    package var pid: Int32
    package var command: String

    package var description: String { "\(command) (pid \(pid))" }

    /// Nil when nobody listens, or when the owner's descriptors may not be read.
    package static func listening(on port: UInt16) -> PortOwner? {
        let inodes = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeningInodes(in: content($0), port: port) })
        guard !inodes.isEmpty, let entries = try? names(in: "/proc") else { return nil }
        let targets = Set(inodes.map { "socket:[\($0)]" })
        for pid in entries.compactMap({ Int32($0) }).sorted() {
            let directory = "/proc/\(pid)/fd"
            guard let descriptors = try? names(in: directory),
                descriptors.contains(where: { targets.contains(linkTarget(directory + "/" + $0)) })
            else { continue }
            return PortOwner(pid: pid, command: content("/proc/\(pid)/comm").filter { !$0.isNewline })
        }
        return nil
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
