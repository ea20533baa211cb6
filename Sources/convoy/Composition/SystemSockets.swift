import Fleet
import Foundation
import Ports
import Supervision
import Synchronization

/// `Sockets` by the kernel.
final class SystemSockets: Sockets {
    /// A listening socket lives as long as its object does.
    private let listeners = Mutex<[Int32: ListeningSocket]>([:])
    private let reservations = Mutex<[Int: PortReservation]>([:])

    func listen(path: String, for owner: ProcessPlan.UserAndGroup?) throws -> Int32 {
        let socket = try ListeningSocket(path: path, mode: 0o600, owner: owner)
        listeners.withLock { $0[socket.descriptor] = socket }
        return socket.descriptor
    }

    func listener(of pid: Int32) -> Int32? { InheritedListener.take(from: pid) }

    func close(_ descriptor: Int32) { _ = listeners.withLock { $0.removeValue(forKey: descriptor) } }

    func hold(_ ports: Set<Int>) {
        reservations.withLock { held in
            for port in held.keys where !ports.contains(port) { held.removeValue(forKey: port)?.release() }
            // A port that is taken already is found, and named, when an instance wants it.
            for port in ports where held[port] == nil { held[port] = try? PortReservation(port: UInt16(port)) }
        }
    }

    func accepts(address: String, port: Int) async -> Bool { TCPProbe.accepts(address: address, port: UInt16(port)) }

    func isListening(on port: Int) -> Bool { TCPProbe.isListening(on: UInt16(port)) }

    func listeners(on ports: Set<Int>) -> [Int: String] {
        let owners = PortOwner.listening(on: Set(ports.compactMap { UInt16(exactly: $0) }))
        return Dictionary(uniqueKeysWithValues: owners.map { (Int($0.key), $0.value.description) })
    }

    func isListening(_ pid: Int32, on port: Int) -> Bool { PortOwner.isListening(pid, on: UInt16(port)) }

    func connections(to ports: Set<Int>) -> Int {
        TCPProbe.established(to: Set(ports.compactMap { UInt16(exactly: $0) }))
    }
}

enum TCPProbe {
    /// Only for loopback and own addresses, where connect does not wait.
    static func accepts(address: String, port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &target.sin_addr) == 1 else { return false }
        return withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func isListening(on port: UInt16) -> Bool { !TCPListener.all(on: [port]).isEmpty }

    /// Rows of the table are `sl local remote st ...`; 01 = established; the server's own end has the port as local.
    static func established(to ports: Set<UInt16>) -> Int {
        // Not by Foundation: of a file that says it has no size, as all below /proc, it reads the first block.
        guard let table = try? PosixFiles().read("/proc/net/tcp") else { return 0 }
        return table.split(separator: "\n").count { row in
            let fields = row.split(separator: " ", maxSplits: 4)
            guard fields.count > 3, fields[3] == "01", let hex = fields[1].split(separator: ":").last,
                let port = UInt16(hex, radix: 16)
            else { return false }
            return ports.contains(port)
        }
    }
}
