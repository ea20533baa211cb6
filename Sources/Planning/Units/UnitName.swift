/// What systemd calls the processes of a fleet. A prefix of their own for the instances: a drop-in in
/// `convoy-instance-.service.d/` means all of them and none of Convoy's own units.
package struct UnitName: Sendable, Hashable {
    package let text: String

    /// id: an instance's name, or the name of one of Convoy's own daemons.
    package init(id: String) {
        text = Self.daemons.contains(id) ? "convoy-\(id).service" : Self.prefix + id + Self.suffix
    }

    package init(_ text: String) { self.text = text }

    /// Nil for Convoy's own daemons, and for units that are not Convoy's.
    package var instance: String? {
        guard text.hasPrefix(Self.prefix), text.hasSuffix(Self.suffix) else { return nil }
        let name = text.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)
        return name.isEmpty ? nil : String(name)
    }

    package static let daemons: Set<String> = ["supervisor", "gate", "refresher", "edge"]
    private static let prefix = "convoy-instance-"
    private static let suffix = ".service"
}
