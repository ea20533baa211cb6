import Fleet

/// The nginx that serves the edge. A bad configuration never replaces a good one.
package protocol EdgeServer: Sendable {
    /// False: the server is somebody else's and runs already; `install` makes it take the files by itself,
    /// and there is no `process`.
    var isOwnProcess: Bool { get }
    /// Checks the files with the real server and puts them in place; says whether bytes changed.
    /// Throws a `Failure` with the server's own words and leaves what was there untouched.
    func install(_ files: [RenderedFile]) async throws -> Bool
    /// What starts the server in the foreground with the installed configuration.
    func process() async throws -> ProcessPlan
}

extension EdgeServer {
    package var isOwnProcess: Bool { true }
}
