/// Who starts and watches a host's processes.
package enum Backend: String, Sendable, Codable, CaseIterable {
    /// Child processes of the supervisor: laptops, containers.
    case direct
    /// Units.
    case systemd

    /// As `FleetLayout.backend` says; where nobody has chosen yet, the natural one. Nil for another word.
    package init?(file text: String?, natural: Backend = .direct) {
        guard let word = text?.split(whereSeparator: \.isWhitespace).first else {
            self = natural
            return
        }
        self.init(rawValue: String(word))
    }
}
