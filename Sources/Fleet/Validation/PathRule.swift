/// Paths that people write in a spec. Absolute, or relative to the file they are written in; kept as
/// written. They end up in nginx configuration and units, which have no way to escape some characters.
package enum PathRule {
    package static func check(_ path: String) throws(Problem) {
        guard !path.isEmpty else { throw Problem("the path is empty", "write the path of the file") }
        guard path.utf8.count <= 1024 else { throw Problem("the path is longer than 1024 bytes", "shorten it") }
        if let bad = path.unicodeScalars.first(where: {
            $0.value < 0x21 || $0.value == 0x7f || "\"'$\\;{}#%*?~".unicodeScalars.contains($0)
        }) {
            let shown = bad == "~" ? "~, which no shell expands here" : bad == " " ? "a space" : String(bad).quoted
            throw Problem(
                "the path \(path.quoted) contains \(shown)",
                bad == "~" ? "write the directory in full" : "rename the file: nginx and systemd can't take such a path"
            )
        }
    }
}
