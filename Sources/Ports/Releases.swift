import Fleet

/// Turns exact references into content-addressed bytes on this host.
package protocol ReleaseStore: Sendable {
    /// Resolves a release and all it depends on, and installs it to learn its digest. Needs the
    /// registry; the only operation that does besides `install` of something not yet fetched.
    func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease
    /// Makes the locked release present, by its digest; does nothing when it already is.
    func install(_ locked: LockedRelease) async throws -> InstalledRelease
    /// Reads every byte of the release and throws a `Failure` that names the first one that changed.
    func verify(_ digest: Digest) async throws
    /// What starts `command` of the release.
    func command(_ command: String, of release: InstalledRelease) async throws -> ReleaseCommand
    func list() async throws -> [InstalledRelease]
    func remove(_ digest: Digest) async throws
}

/// Checks, just before a process starts, that its release still is what it was: cheap enough for
/// every restart.
package protocol ReleaseSeal: Sendable {
    /// Throws a `Failure` that names the file when anything below the release's tree changed.
    func check(_ digest: Digest) throws
}
