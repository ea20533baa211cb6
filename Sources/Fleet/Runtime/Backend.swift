/// Who starts and watches a host's processes.
package enum Backend: String, Sendable, Codable, CaseIterable {
    /// Child processes of the supervisor: laptops, containers.
    case direct
    /// Units.
    case systemd

    /// As `FleetLayout.backend` says; a host where nobody has chosen is a direct one. Nil for another word.
    package init?(file text: String?) {
        guard let word = text?.split(whereSeparator: \.isWhitespace).first else {
            self = .direct
            return
        }
        self.init(rawValue: String(word))
    }
}
