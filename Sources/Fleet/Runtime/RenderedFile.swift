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
