import Fleet
import Glibc

/// A seal made ready for quick comparison: grouped by directory, so that each file costs one
/// `fstatat` by its short name, and a directory is only listed when its own fingerprint moved.
struct SealWatch {
    struct Child {
        var name: ContiguousArray<CChar>
        var entry: Int
    }

    struct Folder {
        var path: String
        var fingerprint: Fingerprint?
        var children: [Child]
    }

    private var seal: Seal
    private var folders: [Folder]

    init(_ seal: Seal) {
        self.seal = seal
        var index = ["": 0]
        folders = [Folder(path: "", fingerprint: nil, children: [])]
        for entry in seal.entries where entry.content == .directory {
            index[entry.path] = folders.count
            folders.append(Folder(path: entry.path, fingerprint: entry.fingerprint, children: []))
        }
        for (number, entry) in seal.entries.enumerated() {
            let cut = entry.path.utf8.lastIndex(of: 47)
            let parent = cut.map { String(entry.path[..<$0]) } ?? ""
            let name = cut.map { entry.path[entry.path.utf8.index(after: $0)...] } ?? entry.path[...]
            if let folder = index[parent] {
                folders[folder].children.append(
                    Child(name: ContiguousArray(String(name).utf8CString), entry: number))
            }
        }
    }

    /// Nil when all is as sealed; else the first path that is not, and how.
    mutating func firstChange(_ release: String) throws -> String? {
        for number in folders.indices {
            if let change = try firstChange(release, number) { return change }
        }
        return nil
    }

    private mutating func firstChange(_ release: String, _ number: Int) throws -> String? {
        let path = folders[number].path
        let full = path.isEmpty ? release : release + "/" + path
        let directory = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard directory >= 0 else { return "\(path.isEmpty ? "the release" : path) is missing" }
        defer { close(directory) }
        var status = stat()
        for child in folders[number].children {
            let found = child.name.withUnsafeBufferPointer { name in
                name.baseAddress.map { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) } ?? -1
            }
            let sealed = seal.entries[child.entry]
            guard found == 0 else { return "\(sealed.path) is missing" }
            let print = Fingerprint(status)
            if print == sealed.fingerprint || (print.isDirectory && sealed.fingerprint.isDirectory) { continue }
            if let change = try Self.difference(release, sealed, print) { return change }
            if Self.isSettled(print) { seal.entries[child.entry].fingerprint = print }
        }
        guard fstat(directory, &status) == 0 else { throw Posix.failure("read", full) }
        let print = Fingerprint(status)
        if print == folders[number].fingerprint { return nil }
        if let extra = try extraName(full, number) { return "\(path.isEmpty ? extra : path + "/" + extra) was added" }
        if Self.isSettled(print) { folders[number].fingerprint = print }
        return nil
    }

    /// File times tick every few milliseconds: a fingerprint as young as a tick may be shared by two
    /// contents, so it is not trusted yet.
    private static func isSettled(_ print: Fingerprint) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let nanoseconds = Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
        return nanoseconds &- print.changed > 50_000_000
    }

    /// A touched file whose content still is the sealed one is no change.
    private static func difference(_ release: String, _ sealed: Seal.Entry, _ print: Fingerprint) throws -> String? {
        guard print.type == sealed.fingerprint.type else { return "\(sealed.path) is another kind of file" }
        guard print.isFile == false || print.isExecutable == sealed.fingerprint.isExecutable else {
            return "\(sealed.path) changed its mode"
        }
        return try TreeScan.content(release, sealed.path, print) == sealed.content ? nil : "\(sealed.path) changed"
    }

    private func extraName(_ full: String, _ number: Int) throws -> String? {
        let known = Set(
            folders[number].children.map { child in
                child.name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
            })
        return try Posix.names(in: full).sorted().first { name in
            !known.contains(name) && !(number == 0 && name == Seal.file)
        }
    }
}
