import Fleet
import Glibc
import Ports

/// Files on this machine, written so that neither a crash nor a power cut leaves half of one.
package struct PosixFiles: FileStore {
    package init() {}

    package func read(_ path: String) throws -> String? {
        let bytes: [UInt8]
        do {
            bytes = try OwnedDescriptor(opening: path, O_RDONLY).readAll()
        } catch SystemError(code: ENOENT) {
            return nil
        } catch {
            throw error.failure("cannot read \(path)", path: path)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(
                .failed, "cannot read \(path)", because: "it is not UTF-8 text",
                next: "restore it from a backup, or move it away")
        }
        return text
    }

    package func readSecret(_ path: String) throws -> Secret? {
        var status = stat()
        guard stat(path, &status) == 0 else { return try read(path).map { Secret($0) } }
        guard status.st_mode & 0o077 == 0 else {
            throw Failure(
                .failed, "cannot use the secret in \(path)", because: "others may read it",
                next: "chmod 0600 \(path); if somebody may have read it, change the secret too")
        }
        return try read(path).map { Secret($0) }
    }

    package func write(_ path: String, _ content: String, mode: UInt16) throws {
        let temporary = path + ".new." + SystemSecrets().secret(bytes: 6).reveal()
        do {
            try writeSynced(temporary, content, mode: mode)
            if rename(temporary, path) != 0 { throw SystemError.last }
            try syncDirectory(of: path)
        } catch let error as SystemError {
            unlink(temporary)
            throw error.failure("cannot write \(path)", path: path)
        }
    }

    /// Makes missing parents too. A directory that is already there keeps its mode.
    package func makeDirectory(_ path: String, mode: UInt16) throws {
        if mkdir(path, mode_t(mode)) == 0 {
            // mkdir's mode is narrowed by whatever umask the operator's shell has.
            if chmod(path, mode_t(mode)) != 0 { throw cannotMake(path, .last) }
            return
        }
        let error = SystemError.last
        if error.code == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]), mode: mode)
            return try makeDirectory(path, mode: mode)
        }
        if error.code == EEXIST, FileKind(following: path) == .directory { return }
        throw cannotMake(path, error.code == EEXIST ? SystemError(code: ENOTDIR) : error)
    }

    /// A directory goes with all that is in it; symbolic links are removed, never followed.
    package func remove(_ path: String) throws {
        do {
            switch FileKind(path) {
            case .missing: return
            case .directory:
                for name in try names(in: path) { try remove(path + "/" + name) }
                if rmdir(path) != 0, errno != ENOENT { throw SystemError.last }
            case .file, .socket, .other:
                if unlink(path) != 0, errno != ENOENT { throw SystemError.last }
            }
        } catch let error as SystemError {
            throw error.failure("cannot remove \(path)", path: path)
        }
    }

    /// Names, sorted; a directory that is not there holds none.
    package func list(_ directory: String) throws -> [String] {
        do {
            return try names(in: directory).sorted()
        } catch SystemError(code: ENOENT) {
            return []
        } catch {
            throw error.failure("cannot list \(directory)", path: directory)
        }
    }

    private func cannotMake(_ path: String, _ error: SystemError) -> Failure {
        error.failure("cannot make directory \(path)", path: path)
    }

    private func writeSynced(_ path: String, _ content: String, mode: UInt16) throws(SystemError) {
        let file = try OwnedDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        if fchmod(file.number, mode_t(mode)) != 0 { throw .last }
        let bytes = Array(content.utf8)
        try file.writeAll(bytes.span)
        if fsync(file.number) != 0 { throw .last }
    }

    /// Without it the rename itself may not survive a power cut.
    private func syncDirectory(of path: String) throws(SystemError) {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let directory = try OwnedDescriptor(opening: parent.isEmpty ? "/" : parent, O_RDONLY | O_DIRECTORY)
        if fsync(directory.number) != 0 { throw .last }
    }
}

func names(in directory: String) throws(SystemError) -> [String] {
    guard let stream = opendir(directory) else { throw .last }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}

enum FileKind {
    case missing, file, directory, socket, other

    init(_ path: String) {
        var status = stat()
        self = lstat(path, &status) == 0 ? FileKind(mode: status.st_mode) : .missing
    }

    init(following path: String) {
        var status = stat()
        self = stat(path, &status) == 0 ? FileKind(mode: status.st_mode) : .missing
    }

    private init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .directory
        case S_IFSOCK: self = .socket
        default: self = .other
        }
    }
}
