import Glibc

/// Standard output when it is a pipe that its reader may close, such as `convoy logs -f | head`.
package enum OutputPipe {
    /// From now on a write to a closed pipe fails instead of ending the process.
    package static func begin() { signal(SIGPIPE, SIG_IGN) }

    /// False when nobody reads any more.
    package static func write(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Whether its reader has gone, also when nothing is to be written.
    package static var isClosed: Bool {
        var wait = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&wait, 1, 0) > 0 && wait.revents & Int16(POLLERR | POLLNVAL) != 0
    }
}
