/// Which release a fleet runs: where it comes from, what it is called, its exact version.
///
/// Written `pypi:documentdb-mcp@0.6.2`, `npm:mongodb-mcp-server@3.0.5` or `path:./server@1.2.3`
/// (a directory; its version is optional there, because its digest says what it is).
package struct ReleaseReference: Sendable, Hashable, Codable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable { case pypi, npm, path }

    package var kind: Kind
    package var name: String
    package var version: String

    package init(kind: Kind, name: String, version: String) {
        self.kind = kind
        self.name = name
        self.version = version
    }

    package var description: String { version.isEmpty ? "\(kind):\(name)" : "\(kind):\(name)@\(version)" }
}
