import Fleet
import Glibc
import Synchronization

/// Keeps 127.0.0.1:port for an instance while it is down: bound, so that no other local user can
/// listen there and be sent an instance's traffic, but not listening, so that nginx is refused at
/// once and goes to the next instance.
package final class PortReservation: Sendable {
    package let port: UInt16
    private let held: Mutex<Int32?>

    /// Port 0 takes any free one.
    package init(port: UInt16) throws {
        do {
            let socket = try Self.bound(to: port)
            self.port = try Self.port(of: socket)
            held = Mutex(try Self.duplicate(socket))
        } catch SystemError(code: EADDRINUSE) {
            throw Self.taken(port)
        } catch {
            throw Failure(
                .failed, "cannot reserve 127.0.0.1:\(port)", because: error.words,
                next: error.code == EACCES ? "choose ports above 1023" : "choose other ports in fleet.yaml")
        }
    }

    deinit { release() }

    /// Just before the instance that is to listen there is started. Can be called again.
    package func release() {
        held.withLock { held in
            if let socket = held.take() { closeEverywhere(socket) }
        }
    }

    package static func portIsFree(_ port: UInt16) -> Bool { (try? bound(to: port)) != nil }

    private static func taken(_ port: UInt16) -> Failure {
        let owner = PortOwner.listening(on: port)
        return Failure(
            .failed, "cannot reserve 127.0.0.1:\(port)",
            because: owner.map { "\($0) listens there" } ?? "another process holds it",
            next: "stop that process, or choose other ports in fleet.yaml")
    }

    private static func bound(to port: UInt16) throws(SystemError) -> OwnedDescriptor {
        do {
            return try bound(to: port, reuse: false)
        } catch SystemError(code: EADDRINUSE) {
            // Connections of a server that just died linger for a minute (TIME_WAIT, FIN_WAIT2). With
            // SO_REUSEADDR they don't count. Somebody who listens still does, and with the flag off
            // again nobody else gets through `listen` while we hold the port.
            return try bound(to: port, reuse: true)
        }
    }

    private static func bound(to port: UInt16, reuse: Bool) throws(SystemError) -> OwnedDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = try OwnedDescriptor(socket(AF_INET, kind, 0))
        if reuse { try setReuse(socket, 1) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let outcome = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.number, $0, size) }
        }
        if outcome != 0 { throw .last }
        if reuse { try setReuse(socket, 0) }
        return socket
    }

    private static func setReuse(_ socket: borrowing OwnedDescriptor, _ value: Int32) throws(SystemError) {
        var flag = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(socket.number, SOL_SOCKET, SO_REUSEADDR, &flag, size) != 0 { throw .last }
    }

    private static func port(of socket: borrowing OwnedDescriptor) throws(SystemError) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let outcome = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.number, $0, &size) }
        }
        if outcome != 0 { throw .last }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func duplicate(_ socket: borrowing OwnedDescriptor) throws(SystemError) -> Int32 {
        let copy = fcntl(socket.number, F_DUPFD_CLOEXEC, 3)
        if copy < 0 { throw .last }
        return copy
    }
}
