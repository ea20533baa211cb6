import Fleet
import Glibc

/// What the kernel said, kept as a number so that the next step can be chosen by it.
struct SystemError: Error, Equatable {
    var code: Int32

    /// The calling thread's `errno`; take it right after the call that failed.
    static var last: SystemError { SystemError(code: errno) }

    var words: String { String(cString: strerror(code)) }

    func failure(_ what: String, path: String) -> Failure {
        Failure(exitCode, what, because: words, next: nextStep(path))
    }

    private var exitCode: Failure.Code { code == ENOSPC || code == EDQUOT ? .unavailable : .failed }

    private func nextStep(_ path: String) -> String {
        switch code {
        case ENOSPC, EDQUOT: "free space on the file system that holds \(path), then run this again"
        case EACCES, EPERM: "run as a user who may use \(path), or choose another --root"
        case EROFS: "the file system that holds \(path) is read-only: remount it, or choose another --root"
        case ENOENT: "check that \(path) and the directories above it exist"
        case ENOTDIR: "something above \(path) is a file where a directory is needed: move it away"
        case EISDIR: "\(path) is a directory where a file is needed: move it away"
        case ELOOP: "\(path) is a symbolic link where Convoy keeps a file of its own: remove the link"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        case EAGAIN, ENOMEM: "the machine is short of memory or processes: free some, then run this again"
        case ENAMETOOLONG: "choose a shorter --root"
        default: "look at \(path)"
        }
    }
}

/// Closes its descriptor when it goes out of scope.
struct OwnedDescriptor: ~Copyable {
    let number: Int32

    init(opening path: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) {
        number = open(path, flags | O_CLOEXEC, mode)
        if number < 0 { throw .last }
    }

    init(_ number: Int32) throws(SystemError) {
        self.number = number
        if number < 0 { throw .last }
    }

    deinit { close(number) }

    /// For reading what fits into memory: configuration, state, /proc.
    func readAll() throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(number, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes.append(contentsOf: buffer[..<count])
            } else if errno != EINTR {
                throw .last
            }
        }
    }

    func writeAll(_ bytes: borrowing Span<UInt8>) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.extracting(offset...).withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
            if count >= 0 {
                offset += count
            } else if errno != EINTR {
                throw .last
            }
        }
    }
}
