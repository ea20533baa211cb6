import Fleet

/// Compares what two generations offer to clients.
package struct CompatibilityJudge: Sendable {
    /// One side: what is wished, and what was seen of it.
    package struct Side: Sendable, Equatable {
        package var version: String
        /// Nil when nobody has seen it.
        package var offer: ReleaseOffer?
        /// Names of the settings that are in use.
        package var settings: Set<String>
        /// Names of the settings that its profile knows, for this version.
        package var known: Set<String>

        package init(version: String, offer: ReleaseOffer?, settings: Set<String>, known: Set<String>) {
            self.version = version
            self.offer = offer
            self.settings = settings
            self.known = known
        }

        package init(spec: FleetSpec, profile: Profile, version: String, offer: ReleaseOffer?) {
            self.init(
                version: version, offer: offer, settings: Set(spec.server.settings.keys),
                known: profile.settings(knownTo: version))
        }
    }

    package init() {}

    package func compare(_ current: Side, _ next: Side) -> CompatibilityReport {
        let lost = current.settings.union(next.settings).subtracting(next.known).sorted()
        guard let old = current.offer, let new = next.offer else {
            return CompatibilityReport(from: current.version, to: next.version, known: false, settingsLost: lost)
        }
        let before = Dictionary(old.tools.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.tools.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return CompatibilityReport(
            from: current.version, to: next.version, toolsAdded: Self.names(after, without: before),
            toolsRemoved: Self.names(before, without: after), toolsChanged: Self.changes(before, after),
            erasGained: new.eras.filter { !old.eras.contains($0) },
            erasLost: old.eras.filter { !new.eras.contains($0) }, settingsLost: lost)
    }

    private static func names(_ some: [String: ToolOffer], without others: [String: ToolOffer]) -> [String] {
        some.keys.filter { others[$0] == nil }.sorted().map(shown)
    }

    /// A name goes to terminals and logs, and a server chose it.
    private static func shown(_ name: String) -> String { Excerpt(name, length: 64).description }

    private static func changes(
        _ before: [String: ToolOffer], _ after: [String: ToolOffer]
    ) -> [CompatibilityReport.ToolChange] {
        before.keys.sorted().compactMap { name in
            guard let old = before[name], let new = after[name] else { return nil }
            let changes = changes(old, new)
            return changes.isEmpty ? nil : CompatibilityReport.ToolChange(tool: shown(name), changes: changes)
        }
    }

    private static func changes(_ old: ToolOffer, _ new: ToolOffer) -> [SchemaChange] {
        var changes: [SchemaChange] = []
        if old.inputDigest != new.inputDigest { changes += arguments(old, new) }
        if old.outputDigest != new.outputDigest {
            changes.append(SchemaChange(.answer, "", "answers in another form"))
        }
        if old.readsOnly == true, new.readsOnly != true {
            changes.append(SchemaChange(.annotation, "", "does not say any more that it only reads"))
        }
        return changes
    }

    private static func arguments(_ old: ToolOffer, _ new: ToolOffer) -> [SchemaChange] {
        guard let before = old.input, let after = new.input else {
            return [SchemaChange(.other, "", "takes other arguments, too many to be compared")]
        }
        let changes = SchemaJudge(before, after).changes()
        return changes.isEmpty ? [SchemaChange(.other, "", "describes its arguments in another way")] : changes
    }
}
