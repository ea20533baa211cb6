import Fleet

/// The few things Operations asks of the machine itself. Paths are absolute.
package protocol FileStore: Sendable {
    func read(_ path: String) throws -> String?
    /// Atomic: a reader sees the old content or the new, also after a power cut.
    func write(_ path: String, _ content: String, mode: UInt16) throws
    func makeDirectory(_ path: String, mode: UInt16) throws
    func remove(_ path: String) throws
    func list(_ directory: String) throws -> [String]
}

/// Unguessable text for passwords and secrets: URL-safe characters only.
package protocol SecretSource: Sendable {
    func secret(bytes: Int) -> Secret
}
