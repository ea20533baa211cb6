import Fleet

/// Connections to the edge, one an exchange: bytes out as they are, bytes back as they come. Nothing in
/// between mends, merges or refuses anything, since what is malformed is what the suite is about.
package protocol Wire: Sendable {
    func exchange(_ bytes: [UInt8], _ patience: Patience) async throws(WireFault) -> Received
    /// One TLS handshake with exactly these versions. Nil: it succeeded; else the reason.
    func handshake(_ version: TLSRelease, verifyingName: Bool) async throws(WireFault) -> String?
}

package enum TLSRelease: String, Sendable, CaseIterable { case v10 = "1.0", v11 = "1.1", v12 = "1.2", v13 = "1.3" }

/// How long an exchange may last.
package struct Patience: Sendable {
    /// At most, from the first byte sent.
    var limit: Seconds
    /// Silence after the last byte received that ends it; nil: only the limit does.
    var quiet: Seconds?
    /// Whether all that is wanted has arrived.
    var enough: @Sendable ([UInt8]) -> Bool

    package init(
        limit: Seconds, quiet: Seconds? = nil, enough: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
    ) {
        self.limit = limit
        self.quiet = quiet
        self.enough = enough
    }
}

package struct Received: Sendable, Equatable {
    package enum End: Sendable, Equatable { case satisfied, closed, quiet, limit }

    package var bytes: [UInt8]
    package var end: End

    package init(bytes: [UInt8], end: End) {
        self.bytes = bytes
        self.end = end
    }
}

/// No connection, or none that TLS accepts.
package struct WireFault: Error, Sendable, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// What an instance behind the edge was sent, if somebody records it.
package protocol InstanceSight: Sendable {
    /// All that was recorded so far.
    func recorded() throws -> String
}

/// A record kept in a file: raw requests, or a log that shows their headers.
package struct RecordFile: InstanceSight {
    private let read: @Sendable () throws -> String

    /// - Parameter read: gives the file's whole content.
    package init(read: @escaping @Sendable () throws -> String) { self.read = read }

    package func recorded() throws -> String { try read() }
}
