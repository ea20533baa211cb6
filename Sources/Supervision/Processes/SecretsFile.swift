import CProcess
import Fleet
import FoundationEssentials
import Glibc

/// A 0600 JSON object of names and values that become part of one process's environment.
struct SecretsFile {
    let path: String

    /// Errors name the file and what is wrong with it, never anything it holds.
    func read() throws -> [String: Secret] {
        var bytes = try guardedBytes()
        // The parsed copies live until the environment was handed over; at least the file's image goes now.
        defer { bytes.withUnsafeMutableBytes { convoy_wipe($0.baseAddress, $0.count) } }
        let decoded = bytes.withUnsafeBytes { buffer -> [String: String]? in
            try? JSONDecoder().decode([String: String].self, from: Data(buffer))
        }
        guard let decoded else { throw refusal("it is not a JSON object of texts") }
        guard decoded.keys.allSatisfy({ !$0.isEmpty && !$0.contains("=") && !$0.contains("\0") }) else {
            throw refusal("a name in it is empty or holds '=' or NUL")
        }
        guard decoded.values.allSatisfy({ !$0.contains("\0") }) else { throw refusal("a value in it holds NUL") }
        return decoded.mapValues { Secret($0) }
    }

    private func guardedBytes() throws -> [UInt8] {
        do {
            let file = try OwnedDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
            var status = stat()
            if fstat(file.number, &status) != 0 { throw SystemError.last }
            guard status.st_mode & S_IFMT == S_IFREG else { throw refusal("it is not a plain file") }
            guard status.st_mode & 0o077 == 0 else {
                let mode = String(status.st_mode & 0o777, radix: 8)
                throw refusal("its mode is 0\(mode), so others than its owner may use it", next: "chmod 600 \(path)")
            }
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw refusal("it belongs to user \(status.st_uid)", next: "chown \(geteuid()) \(path)")
            }
            return try file.readAll()
        } catch let error as SystemError {
            throw error.failure("cannot read secrets from \(path)", path: path)
        }
    }

    private func refusal(_ why: String, next: String = "run `convoy up` to write it anew") -> Failure {
        Failure(.failed, "cannot use secrets in \(path)", because: why, next: next)
    }
}
