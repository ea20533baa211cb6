import CProcess
import Fleet
import Glibc

/// One supervisor per root. The kernel lets go of it however its holder dies.
package final class SupervisorLock: Sendable {
    private let descriptor: Int32

    /// The directory must exist. Throws a `Failure` that names the holder when there is one.
    package init(path: String) throws {
        do {
            let file = try OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            let error = convoy_lock(file.number)
            if error == -EAGAIN || error == -EACCES { throw Self.held(file) }
            if error < 0 { throw SystemError(code: -error) }
            if ftruncate(file.number, 0) != 0 { throw SystemError.last }
            try file.writeAll(Array("\(getpid())\n".utf8).span)
            // Both copies share one lock, which lives until the last of them is closed.
            descriptor = fcntl(file.number, F_DUPFD_CLOEXEC, 3)
            if descriptor < 0 { throw SystemError.last }
        } catch let error as SystemError {
            throw error.failure("cannot lock \(path)", path: path)
        }
    }

    deinit { closeEverywhere(descriptor) }

    /// The pid of the supervisor that holds the lock now; nil when nobody does.
    package static func holder(path: String) -> Int32? {
        guard let file = try? OwnedDescriptor(opening: path, O_RDONLY), convoy_is_locked(file.number) == 1 else {
            return nil
        }
        return pid(in: file)
    }

    private static func held(_ file: borrowing OwnedDescriptor) -> Failure {
        let holder = pid(in: file).map { " (pid \($0))" } ?? ""
        return Failure(
            .leaseHeld, "cannot supervise this root", because: "another supervisor\(holder) does",
            next: "let it work, stop it with `convoy down`, or choose another --root")
    }

    private static func pid(in file: borrowing OwnedDescriptor) -> Int32? {
        guard let bytes = try? file.readAll() else { return nil }
        return Int32(String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline })
    }
}
