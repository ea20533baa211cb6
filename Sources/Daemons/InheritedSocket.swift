import Fleet
import Glibc

/// A listening unix socket that was handed over as systemd does it (sd_listen_fds): the first one. Whoever
/// handed it over keeps it too, so that a restart refuses no connection.
package struct InheritedSocket: Sendable {
    package let descriptor: Int32

    /// Whether this process was handed a listener.
    package static var isThere: Bool { number("LISTEN_FDS").map { $0 >= 1 } ?? false }

    /// `daemon`: for the words of its `Failure`.
    package init(of daemon: String) throws(Failure) {
        guard Self.isThere else { throw Self.refusal(daemon, "LISTEN_FDS names no socket") }
        if let owner = Self.number("LISTEN_PID"), owner != Int(getpid()) {
            throw Self.refusal(daemon, "LISTEN_PID names another process")
        }
        try self.init(3, of: daemon)
    }

    /// One that this process already holds.
    package init(_ descriptor: Int32, of daemon: String) throws(Failure) {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, address.ss_family == sa_family_t(AF_UNIX) else {
            throw Self.refusal(daemon, "descriptor \(descriptor) is not a unix socket")
        }
        self.descriptor = descriptor
    }

    private static func refusal(_ daemon: String, _ why: String) -> Failure {
        Failure(
            .usage, "cannot take over the \(daemon)'s socket", because: why,
            next: "let the supervisor start the \(daemon), or name a socket of its own")
    }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}
