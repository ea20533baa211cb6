import CProcess
import Glibc

/// A TCP socket that listens in this network.
package struct TCPListener: Sendable, Equatable {
    package var port: UInt16
    package var inode: UInt32

    /// Far more than a host has.
    private static let capacity = 4096

    package static func all(on ports: Set<UInt16>) -> [TCPListener] {
        let tables = [(AF_INET, "/proc/net/tcp"), (AF_INET6, "/proc/net/tcp6")]
        return tables.flatMap { family, table in
            told(family)?.filter { ports.contains($0.port) } ?? rows(in: content(table), on: ports)
        }
    }

    /// By the kernel's own word; nil where a sandbox or a kernel has none.
    static func told(_ family: Int32) -> [TCPListener]? {
        var count: Int32 = 0
        let found = [convoy_listener](unsafeUninitializedCapacity: capacity) { buffer, size in
            count = convoy_tcp_listeners(family, buffer.baseAddress, Int32(capacity))
            size = Int(max(0, count))
        }
        return count < 0 ? nil : found.map { TCPListener(port: $0.port, inode: $0.inode) }
    }

    /// Rows are `sl local_address rem_address st ... uid timeout inode`, addresses in hex, state 0A = listening.
    static func rows(in table: String, on ports: Set<UInt16>) -> [TCPListener] {
        table.split(separator: "\n").compactMap { row in
            let fields = row.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let hex = fields[1].split(separator: ":").last,
                let port = UInt16(hex, radix: 16), ports.contains(port), let inode = UInt32(fields[9])
            else { return nil }
            return TCPListener(port: port, inode: inode)
        }
    }

    private static func content(_ path: String) -> String {
        let bytes = try? OwnedDescriptor(opening: path, O_RDONLY).readAll()
        return String(decoding: bytes ?? [], as: UTF8.self)
    }
}
