/// A value that must never be printed. It has no `Codable` and its descriptions are redacted, so
/// that logging, string interpolation, dumps and mirrors can't leak it by accident.
package struct Secret: Sendable, Equatable {
    private let value: String

    package init(_ value: String) { self.value = value }

    /// The only way to the value; grep for this word to see each place that handles secrets.
    package func reveal() -> String { value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
