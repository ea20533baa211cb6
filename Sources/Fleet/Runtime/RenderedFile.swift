/// A file that was rendered but not written: path below the target directory, content, mode.
package struct RenderedFile: Sendable, Equatable {
    package var path: String
    package var content: String
    /// Instead of `content`, where the file is no text.
    package var binary: [UInt8]?
    package var mode: UInt16

    /// What is written.
    package var bytes: [UInt8] { binary ?? Array(content.utf8) }

    package init(path: String, content: String, mode: UInt16 = 0o644) {
        self.path = path
        self.content = content
        self.mode = mode
    }

    package init(path: String, binary: [UInt8], mode: UInt16 = 0o644) {
        self.init(path: path, content: "", mode: mode)
        self.binary = binary
    }
}
