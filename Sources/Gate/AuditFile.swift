import Fleet
import Glibc
import Synchronization

/// A file that lines are appended to.
final class AuditFile: Sendable {
    private struct State: Sendable {
        var descriptor: Int32
        /// The disk was full in the middle of a line.
        var isTorn = false
        /// Lines that found no room.
        var lost = 0
    }

    private let path: String
    private let state: Mutex<State>

    init(_ path: String) throws(Failure) {
        self.path = path
        let descriptor = Self.open(path)
        guard descriptor >= 0 else {
            throw Failure(
                .unavailable, "cannot open the audit file \(path)", because: String(cString: strerror(errno)),
                next: "name a file that the gate's user may append to")
        }
        state = Mutex(State(descriptor: descriptor))
    }

    deinit { close(state.withLock(\.descriptor)) }

    /// Nil, or what is wrong: then the file stays as it is.
    func reopen() -> String? {
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { return "cannot open \(path): \(String(cString: strerror(errno)))" }
        state.withLock { state in
            close(state.descriptor)
            state.descriptor = descriptor
            state.isTorn = false
        }
        return nil
    }

    func append(_ bytes: [UInt8]) {
        state.withLock { state in
            var whole = bytes
            if state.isTorn || state.lost > 0 {
                let loss = AuditLine(
                    at: WallClock.now(), [("event", .text("log lines dropped")), ("count", .number(state.lost))])
                whole = (state.isTorn ? [0x0a] : []) + loss.bytes + bytes
            }
            let written = Self.write(whole, to: state.descriptor)
            if written == whole.count {
                (state.isTorn, state.lost) = (false, 0)
            } else {
                if written > 0 { state.isTorn = true }
                state.lost += bytes.count { $0 == 0x0a }
            }
        }
    }

    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0o640)
    }

    /// How many bytes got there.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            rest = rest.dropFirst(count)
        }
        return bytes.count - rest.count
    }
}
