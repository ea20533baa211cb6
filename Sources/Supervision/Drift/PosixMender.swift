import Fleet
import Glibc
import Ports

package struct PosixMender: HostMender {
    package init() {}

    /// O_PATH, which Glibc's module does not show.
    private static let pathOnly: Int32 = 0o10_000_000

    package func restore(_ path: String, mode: UInt16?, owner: UInt32?) throws {
        do {
            // Held by a descriptor: whoever may write to the directory can't put a link in between.
            let file = try OwnedDescriptor(opening: path, Self.pathOnly | O_NOFOLLOW)
            let held = "/proc/self/fd/\(file.number)"
            var status = stat()
            guard fstat(file.number, &status) == 0 else { throw SystemError.last }
            guard status.st_mode & S_IFMT != S_IFLNK else { throw SystemError(code: ELOOP) }
            // The owner first: giving a file away may change its mode.
            if let owner, chown(held, owner, .max) != 0 { throw SystemError.last }
            if let mode, chmod(held, mode_t(mode)) != 0 { throw SystemError.last }
        } catch let error as SystemError {
            throw error.failure("cannot restore \(path)", path: path)
        }
    }

    package func putAside(_ path: String, into quarantine: String) throws -> String {
        try PosixFiles().makeDirectory(quarantine, mode: 0o700)
        let name = path.split(separator: "/").last.map(String.init) ?? "file"
        for number in 1...10_000 {
            let target = "\(quarantine)/\(name)-\(number)"
            // Nobody else writes there, so what is missing now still is when it is taken.
            guard FileKind(target) == .missing else { continue }
            if rename(path, target) == 0 { return target }
            throw SystemError.last.failure("cannot put \(path) aside", path: path)
        }
        throw SystemError(code: EEXIST).failure("cannot put \(path) aside", path: quarantine)
    }
}
