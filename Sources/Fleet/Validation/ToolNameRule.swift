/// Names of tools as the MCP specification recommends them. In rules only: what a client names is
/// judged, not corrected.
package enum ToolNameRule {
    package static func check(_ name: String) throws(Problem) {
        let example = "use 1 to 128 letters, digits and _ - . /, such as list-databases"
        guard (1...128).contains(name.utf8.count) else {
            throw Problem(
                name.isEmpty ? "the tool has an empty name" : "\(name.quoted) is longer than 128 characters", example)
        }
        guard isPlain(name) else { throw Problem("\(name.quoted) is no name of a tool", example) }
    }

    package static func isPlain(_ name: String) -> Bool {
        name.consists(of: { $0.isAlphanumeric || $0.isOne(of: "_-./") })
    }
}
