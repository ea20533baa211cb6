import Fleet
import Glibc

/// Everything below a directory: its manifest content and what the kernel says about it.
struct TreeScan {
    struct Entry {
        /// Below the scanned directory.
        var path: String
        var content: Manifest.Content
        var fingerprint: Fingerprint
    }

    var entries: [Entry]

    /// Reads every byte. Throws for what can't be read, what is neither file, directory nor link,
    /// and for links that lead out of `root`.
    init(_ root: String, skipping: Set<String> = []) throws {
        entries = []
        try walk(root, "", skipping)
    }

    func manifest(_ kind: ReleaseReference.Kind) -> Manifest {
        Manifest(kind: kind, entries: Dictionary(entries.map { ($0.path, $0.content) }) { first, _ in first })
    }

    private mutating func walk(_ root: String, _ below: String, _ skipping: Set<String>) throws {
        let directory = below.isEmpty ? root : root + "/" + below
        for name in try Posix.names(in: directory) {
            let path = below.isEmpty ? name : below + "/" + name
            if skipping.contains(path) { continue }
            guard let print = Posix.fingerprint(root + "/" + path) else {
                throw Posix.failure("read", root + "/" + path)
            }
            entries.append(Entry(path: path, content: try Self.content(root, path, print), fingerprint: print))
            if print.isDirectory { try walk(root, path, skipping) }
        }
    }

    static func content(_ root: String, _ path: String, _ print: Fingerprint) throws -> Manifest.Content {
        let full = root + "/" + path
        if print.isDirectory { return .directory }
        if print.isFile { return .file(sha256: try Posix.sha256(full), executable: print.isExecutable) }
        guard print.isLink else {
            throw Failure(
                .failed, "cannot use \(full) in a release", because: "it is a socket, pipe or device",
                next: "remove it from the directory")
        }
        let target = try Posix.linkTarget(full)
        guard LinkTarget.stays(below: path, target: target) else {
            throw Failure(
                .failed, "cannot use the link \(full) in a release",
                because: "it leads to \(target), outside the release",
                next: "copy what it names into the directory")
        }
        return .link(target: target)
    }
}

enum LinkTarget {
    /// Judged by the text alone: links through links are refused when they climb out as text.
    static func stays(below path: String, target: String) -> Bool {
        guard !target.hasPrefix("/"), !target.isEmpty else { return false }
        var depth = path.split(separator: "/").count - 1
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }
}
