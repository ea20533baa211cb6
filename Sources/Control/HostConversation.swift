import Dispatch
import Fleet
import Glibc
import Synchronization

/// Our end of a pair of sockets; the other is what the command reads.
final class HostConversation: Sendable {
    let theirs: Int32
    private let ours: Int32
    private let isOpen = Mutex(true)
    /// Of its own: a host that reads nothing must hold up nobody else.
    private let queue = DispatchQueue(label: "convoy.wire")

    init() throws {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw Failure(
                .unavailable, "cannot speak with a host", because: String(cString: strerror(errno)),
                next: "raise the limit of open files, then run it again")
        }
        (ours, theirs) = (pair[0], pair[1])
    }

    deinit { close(ours) }

    /// In order. That nobody reads it any more is told by the conversation's end.
    func say(_ line: String) {
        queue.async { [self] in
            var rest = Array((line + "\n").utf8)[...]
            while !rest.isEmpty, isOpen.withLock({ $0 }) {
                let count = rest.withUnsafeBytes { send(ours, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    func end() {
        let wasOpen = isOpen.withLock { open in
            defer { open = false }
            return open
        }
        if wasOpen { shutdown(ours, Int32(SHUT_RDWR)) }
    }
}
