import Fleet
import Foundation
import Glibc
import Ports

/// The file operations that Foundation does not sync or does not make atomic.
enum EdgeFile {
    static func write(_ path: String, _ content: String, mode: UInt16, owner: ProcessPlan.UserAndGroup?) throws {
        try write(path, bytes: Array(content.utf8), mode: mode, owner: owner)
    }

    static func write(_ path: String, bytes: [UInt8], mode: UInt16, owner: ProcessPlan.UserAndGroup?) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
        guard descriptor >= 0 else { throw system("cannot create \(path)") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written >= 0 else { throw system("cannot write \(path)") }
            rest = rest.dropFirst(written)
        }
        // The mode once more: open() took the umask off it.
        guard fchmod(descriptor, mode_t(mode)) == 0 else { throw system("cannot set the mode of \(path)") }
        if let owner, fchown(descriptor, owner.user, owner.group) != 0 { throw system("cannot give away \(path)") }
        guard fsync(descriptor) == 0 else { throw system("cannot sync \(path)") }
    }

    /// With all that are missing above it.
    static func makeDirectory(_ path: String, mode: UInt16, owner: ProcessPlan.UserAndGroup?) throws {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        let parent = (path as NSString).deletingLastPathComponent
        if parent != path { try makeDirectory(parent, mode: 0o755, owner: nil) }
        guard mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else { throw system("cannot make \(path)") }
        if let owner, chown(path, owner.user, owner.group) != 0 { throw system("cannot give away \(path)") }
        try sync(parent)
    }

    static func rename(_ from: String, to target: String) throws {
        guard Glibc.rename(from, target) == 0 else { throw system("cannot rename \(from) to \(target)") }
    }

    /// Makes names in the directory survive a power cut.
    static func sync(_ directory: String) throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw system("cannot open \(directory)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw system("cannot sync \(directory)") }
    }

    static func mode(_ path: String) -> UInt16? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt16(status.st_mode & 0o7777) : nil
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// A relative path that stays below the directory it is joined to.
    static func isBelow(_ path: String) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    static func failed(_ why: String) -> Failure {
        Failure(
            .failed, "cannot install the edge's configuration", because: why,
            next: "the configuration that was there is untouched; look at the path, its owner and the space left")
    }

    private static func system(_ what: String) -> Failure { failed("\(what): \(String(cString: strerror(errno)))") }
}
