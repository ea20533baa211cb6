extension Target {
    /// A rule about which tools may be called.
    package struct Tools: Sendable, Equatable {
        /// Exists, but must not be called. Should the edge be broken, it is called without arguments.
        package var denied: String
        /// May be called; nil = none is known.
        package var allowed: String?
        /// Whether legacy clients may come in, since the server itself offers them nothing that is denied.
        package var letsLegacyIn: Bool

        package init(denied: String, allowed: String? = nil, letsLegacyIn: Bool = false) {
            self.denied = denied
            self.allowed = allowed
            self.letsLegacyIn = letsLegacyIn
        }
    }

    /// A list of addresses that clients may come from.
    package struct Clients: Sendable, Equatable {
        /// Addresses on it, at least one.
        package var listed: [String]
        /// Addresses that are not, at least one.
        package var unlisted: [String]
        /// Whether this machine is not on it.
        package var isOutside: Bool

        package init(listed: [String], unlisted: [String] = Self.documentation, isOutside: Bool = false) {
            self.listed = listed
            self.unlisted = unlisted
            self.isOutside = isOutside
        }

        /// Nobody's addresses (RFC 5737, RFC 3849).
        package static let documentation = ["192.0.2.1", "203.0.113.9", "2001:db8:ffff::1"]
    }
}
