import Glibc

/// Who listens on a TCP port, for errors that help at 3 a.m.
package struct PortOwner: Sendable, Equatable, CustomStringConvertible {
    package var pid: Int32
    package var command: String

    package var description: String { "\(command) (pid \(pid))" }

    /// Nil when nobody listens, or when the owner's descriptors may not be read.
    package static func listening(on port: UInt16) -> PortOwner? { listening(on: [port])[port] }

    /// The same of many: all of it costs hardly more than one of them.
    package static func listening(on ports: Set<UInt16>) -> [UInt16: PortOwner] {
        var owners: [UInt16: PortOwner] = [:]
        var left = sockets(on: ports)
        guard !left.isEmpty, let entries = try? names(in: "/proc") else { return owners }
        for pid in entries.compactMap({ Int32($0) }).sorted() where !left.isEmpty {
            let held = Set(held(pid).compactMap { left[$0] })
            guard !held.isEmpty else { continue }
            let owner = PortOwner(pid: pid, command: content("/proc/\(pid)/comm").filter { !$0.isNewline })
            for port in held { owners[port] = owner }
            left = left.filter { !held.contains($0.value) }
        }
        return owners
    }

    /// Whether the process is one of those that listen; a socket can have many owners.
    package static func isListening(_ pid: Int32, on port: UInt16) -> Bool {
        let targets = sockets(on: [port])
        return !targets.isEmpty && held(pid).contains { targets[$0] != nil }
    }

    /// What links to the sockets are called, and the port of each.
    private static func sockets(on ports: Set<UInt16>) -> [String: UInt16] {
        Dictionary(TCPListener.all(on: ports).map { ("socket:[\($0.inode)]", $0.port) }) { first, _ in first }
    }

    /// Where a process's descriptors lead.
    private static func held(_ pid: Int32) -> [String] {
        let directory = "/proc/\(pid)/fd"
        return ((try? names(in: directory)) ?? []).map { linkTarget(directory + "/" + $0) }
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
