import Fleet
import Glibc
import Planning
import Ports

/// Looks at files by lstat(2), and at processes and sockets by /proc. What it may not see it leaves out.
package struct PosixSurveyor: HostSurveyor {
    package init() {}

    package var user: UInt32 { geteuid() }

    package func file(_ path: String) throws -> FileFact? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            let error = SystemError.last
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw error.failure("cannot look at \(path)", path: path)
        }
        let nature: FileNature =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            case S_IFSOCK: .socket
            default: .other
            }
        return FileFact(
            nature: nature, mode: UInt16(status.st_mode & 0o7777), owner: status.st_uid,
            ownerName: Self.name(of: status.st_uid), digest: try digest(path, nature))
    }

    private func digest(_ path: String, _ nature: FileNature) throws -> Digest? {
        switch nature {
        case .file:
            do {
                return Digest.of(try OwnedDescriptor(opening: path, O_RDONLY | O_NOFOLLOW).readAll())
            } catch SystemError(code: ENOENT), SystemError(code: ELOOP) {
                // Replaced while we looked: the next look tells.
                return nil
            } catch {
                throw error.failure("cannot read \(path)", path: path)
            }
        case .link: return Digest.of(ProcFiles.link(path) ?? "")
        default: return nil
        }
    }

    package func program(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        guard let file = try? OwnedDescriptor(opening: path, O_RDONLY) else { return nil }
        var head = [UInt8](repeating: 0, count: 2)
        let isScript = read(file.number, &head, 2) == 2 && head == Array("#!".utf8)
        return isScript ? nil : String(cString: real)
    }

    package func process(_ pid: Int32) -> ProcessFact? {
        ProcFiles.fact(pid) { ProcFiles.names(inEnvironmentOf: pid) }
    }

    package func table() throws -> ProcessTable {
        let pids: [Int32]
        do {
            pids = try names(in: "/proc").compactMap { Int32($0) }.sorted()
        } catch {
            throw error.failure("cannot list the processes", path: "/proc")
        }
        var sockets = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { ListeningRow.rows(in: ProcFiles.text($0)) }
        let wanted = Set(sockets.map(\.inode))
        for pid in pids {
            let held = ProcFiles.sockets(of: pid).intersection(wanted)
            guard !held.isEmpty else { continue }
            for index in sockets.indices where held.contains(sockets[index].inode) { sockets[index].owners.append(pid) }
        }
        return ProcessTable(
            processes: pids.compactMap { ProcFiles.fact($0) { nil } },
            listeners: sockets.map { row in
                ListenerFact(
                    address: row.address, port: row.port, owners: row.owners, user: Self.name(of: row.user))
            })
    }

    static func name(of user: UInt32) -> String {
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 4096)
        var found: UnsafeMutablePointer<passwd>?
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else { return "user \(user)" }
        return String(cString: name)
    }
}
