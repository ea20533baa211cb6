import Fleet
import Planning
import Ports

/// Everything that is not as it was sealed, not just the first. Reads only what the kernel says has moved since:
/// nobody can set a change time back.
struct SealChanges {
    private let root: String
    private var left: [String: Seal.Entry]
    private(set) var changes: [ReleaseChange] = []

    init(_ seal: Seal, root: String) throws {
        self.root = root
        left = Dictionary(seal.entries.map { ($0.path, $0) }) { first, _ in first }
        try walk("")
        let missing = Set(left.keys)
        for path in missing.sorted() where !missing.contains(Self.parent(path)) {
            changes.append(ReleaseChange(.missing, path))
        }
    }

    private mutating func walk(_ below: String) throws {
        for name in try Posix.names(in: below.isEmpty ? root : root + "/" + below).sorted() {
            let path = below.isEmpty ? name : below + "/" + name
            if path == Seal.file { continue }
            guard let print = Posix.fingerprint(root + "/" + path) else { continue }
            guard let sealed = left.removeValue(forKey: path) else {
                changes.append(ReleaseChange(.added, path))
                continue
            }
            if let kind = try Self.difference(root, sealed, print) { changes.append(ReleaseChange(kind, path)) }
            if print.isDirectory, sealed.fingerprint.isDirectory { try walk(path) }
        }
    }

    private static func difference(
        _ root: String, _ sealed: Seal.Entry, _ print: Fingerprint
    ) throws -> ReleaseChange.Kind? {
        guard print.type == sealed.fingerprint.type else { return .changed }
        let isSame = print == sealed.fingerprint || print.isDirectory
        if !isSame, try TreeScan.content(root, sealed.path, print) != sealed.content {
            return print.isExecutable == sealed.fingerprint.isExecutable ? .changed : .mode
        }
        return print.isLink || print.mode == sealed.fingerprint.mode ? nil : .mode
    }

    private static func parent(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}

extension TreeReleaseSeal: ReleaseSurveyor {
    package func changes(of release: Digest) throws -> [ReleaseChange] {
        let directory = shelf.directory(release)
        guard Posix.fingerprint(directory) != nil else { return [ReleaseChange(.missing, "")] }
        let seal: Seal
        do {
            seal = try load(release)
        } catch is Failure {
            // Without it nothing below can be told; a forged one is no better.
            return [ReleaseChange(.changed, Seal.file)]
        }
        return try SealChanges(seal, root: directory).changes
    }
}
