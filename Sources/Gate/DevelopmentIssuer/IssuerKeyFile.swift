import Crypto
import Fleet
import Glibc

/// The private key of the development issuer on disk: PEM, 0600, in a directory of 0700.
struct IssuerKeyFile {
    let directory: String
    private var path: String { directory + "/key.pem" }
    private static let sizeLimit = 16384

    func loadOrCreate() throws -> P256.Signing.PrivateKey {
        if let key = try load() { return key }
        try create(P256.Signing.PrivateKey())
        guard let key = try load() else { throw failure("it vanished while it was read", next: "try again") }
        return key
    }

    /// Nil when there is none yet.
    private func load() throws -> P256.Signing.PrivateKey? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw systemFailure() }
        defer { close(descriptor) }

        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemFailure() }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.sizeLimit else {
            throw failure("it is not a key file", next: "remove it; the next token makes a new one")
        }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
            throw failure(
                "others than its owner can read it, or the owner is somebody else",
                next: "the key may be known: remove it, the next token makes a new one")
        }
        var content = [UInt8](repeating: 0, count: Self.sizeLimit)
        let count = read(descriptor, &content, content.count)
        guard count >= 0 else { throw systemFailure() }
        do {
            return try P256.Signing.PrivateKey(pemRepresentation: String(decoding: content[..<count], as: UTF8.self))
        } catch {
            throw failure("it holds no P-256 key in PEM", next: "remove it; the next token makes a new one")
        }
    }

    /// Under another name first, then linked: two that create at once end with the same key, and
    /// nobody ever reads half a file.
    private func create(_ key: P256.Signing.PrivateKey) throws {
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw systemFailure() }
        guard chmod(directory, 0o700) == 0 else { throw systemFailure() }
        let draft = path + ".\(getpid()).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw systemFailure() }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let content = Array(key.pemRepresentation.utf8)
        guard fchmod(descriptor, 0o600) == 0, write(descriptor, content, content.count) == content.count,
            fsync(descriptor) == 0
        else { throw systemFailure() }
        if link(draft, path) != 0, errno != EEXIST { throw systemFailure() }
    }

    private func systemFailure() -> Failure {
        failure(String(cString: strerror(errno)), next: "check that the directory above exists and is yours")
    }

    private func failure(_ why: String, next: String) -> Failure {
        Failure(.unavailable, "cannot use the issuer's key \(path)", because: why, next: next)
    }
}
