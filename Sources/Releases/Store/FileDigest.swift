import Fleet

/// SHA-256 of files as they are sent to other machines.
package enum FileDigest {
    package static func of(_ path: String) throws -> Digest {
        let hex = try Posix.sha256(path)
        guard let digest = Digest(hex: hex) else {
            throw Failure(.failed, "cannot compute a digest", because: "got \(hex)", next: "report this bug")
        }
        return digest
    }
}
