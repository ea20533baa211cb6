import Crypto
import Fleet

/// What the digest of a release covers: type, path, content and whether it may be executed. Owner,
/// times and the other mode bits depend on who installed it where, so they are left out.
struct Manifest: Equatable {
    enum Content: Equatable {
        case directory
        case file(sha256: String, executable: Bool)
        case link(target: String)
    }

    var kind: ReleaseReference.Kind
    /// Path below the tree -> what is there.
    var entries: [String: Content]

    /// One line per entry, sorted by the bytes of the path. The first line names the kind, so that a
    /// directory that looks like an installed package is still another release.
    var canonical: String {
        var text = "convoy release 1 \(kind.rawValue)\n"
        for path in entries.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            switch entries[path] {
            case .directory: text += "d \(path)\n"
            case .file(let sha256, let executable): text += "\(executable ? "x" : "f") \(sha256) \(path)\n"
            case .link(let target): text += "l \(Hashing.hex(of: Array(target.utf8))) \(path)\n"
            case nil: break
            }
        }
        return text
    }

    func digest() throws -> Fleet.Digest { try Hashing.digest(of: Array(canonical.utf8)) }
}

enum Hashing {
    static func hex(of bytes: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        hash.update(data: Array(bytes))
        return hex(hash)
    }

    static func hex(_ hash: SHA256) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in hash.finalize() {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func digest(of bytes: [UInt8]) throws -> Fleet.Digest {
        let text = hex(of: bytes)
        guard let digest = Fleet.Digest(hex: text) else {
            throw Failure(.failed, "cannot compute a digest", because: "got \(text)", next: "report this bug")
        }
        return digest
    }
}
