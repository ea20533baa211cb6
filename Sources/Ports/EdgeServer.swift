import Fleet

/// The nginx that serves the edge. A bad configuration never replaces a good one.
package protocol EdgeServer: Sendable {
    /// False: the server is somebody else's and runs already; `install` makes it take the files by itself,
    /// and there is no `process`.
    var isOwnProcess: Bool { get }
    /// Checks the files with the real server and puts them in place; says whether bytes changed.
    /// Throws a `Failure` with the server's own words and leaves what was there untouched.
    func install(_ files: [RenderedFile]) async throws -> Bool
    /// Checks the files with the real server and leaves nothing behind. Throws a `Failure` with its words; does
    /// nothing where files can't be tried without being served.
    func check(_ files: [RenderedFile]) async throws
    /// What starts the server in the foreground with the installed configuration.
    func process() async throws -> ProcessPlan
    /// Takes the files away from a server that is not our own, and has it let go of them; nothing when there
    /// are none. Throws a `Failure` when it still goes by them.
    func remove() async throws
    /// The main process of a server that is not our own; nil while it does not run.
    func master() -> Int32?
    /// Whom the workers of a server that is not our own run as; nil where that can't be chosen. Throws a
    /// `Failure` while it does not run.
    func workers() throws -> ProcessPlan.UserAndGroup?
}

extension EdgeServer {
    package var isOwnProcess: Bool { true }
    package func check(_ files: [RenderedFile]) async throws {}
    package func remove() async throws {}
    package func master() -> Int32? { nil }
    package func workers() throws -> ProcessPlan.UserAndGroup? { nil }
}
