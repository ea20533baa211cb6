import Fleet

/// The nginx that serves the edge. A bad configuration never replaces a good one.
package protocol EdgeServer: Sendable {
    /// Checks the files with the real server and puts them in place; says whether bytes changed.
    /// Throws a `Failure` with the server's own words and leaves what was there untouched.
    func install(_ files: [RenderedFile]) async throws -> Bool
    /// What starts the server in the foreground with the installed configuration.
    func process() async throws -> ProcessPlan
}

/// A file that was rendered but not written: path below the target directory, content, mode.
package struct RenderedFile: Sendable, Equatable {
    package var path: String
    package var content: String
    package var mode: UInt16

    package init(path: String, content: String, mode: UInt16 = 0o644) {
        self.path = path
        self.content = content
        self.mode = mode
    }
}
