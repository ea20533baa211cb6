/// Which tools a pool's clients may call, by name.
///
/// The edge sees no bodies. It judges `Mcp-Method` and `Mcp-Name`, which only servers of the modern
/// revisions must compare with the body; for all other requests there is nothing to judge.
package struct ToolRule: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// These and no others.
        case allow
        /// All others.
        case deny
    }

    /// What becomes of requests whose tool can't be told.
    package enum LegacyTools: String, Sendable, Hashable, Codable, CaseIterable {
        case refused
        /// The server itself offers no tool that must not be called: they pass.
        case limited
    }

    package var kind: Kind
    /// Never empty.
    package var names: [String]
    package var legacyTools: LegacyTools

    package init(_ kind: Kind, _ names: [String], legacyTools: LegacyTools = .refused) {
        self.kind = kind
        self.names = names
        self.legacyTools = legacyTools
    }
}
