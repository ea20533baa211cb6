/// Where in a source file something was found. Lines and columns count from 1; columns count
/// Unicode scalars, as editors do.
package struct SourceLocation: Sendable, Hashable, Codable, Comparable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: SourceLocation, right: SourceLocation) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One problem in a file that a person wrote: where, in which setting, what is wrong, what to do.
/// Printed as `fleet.yaml:12:9: error: pools/analytics/replicas: must be 1...64: lower it`.
package struct Diagnostic: Sendable, Hashable, Codable, CustomStringConvertible {
    package enum Severity: String, Sendable, Hashable, Codable { case error, warning }

    package var file: String
    package var location: SourceLocation
    package var severity: Severity
    /// Keys from the root, joined by `/`; empty for the document as a whole.
    package var path: String
    package var what: String
    package var fix: String

    package init(
        file: String, location: SourceLocation, severity: Severity = .error, path: String, what: String, fix: String
    ) {
        self.file = file
        self.location = location
        self.severity = severity
        self.path = path
        self.what = what
        self.fix = fix
    }

    package var description: String {
        "\(file):\(location.line):\(location.column): \(severity): "
            + (path.isEmpty ? "" : "\(path): ") + "\(what): \(fix)"
    }
}

/// All problems of a file at once; never empty.
package struct SpecError: Error, Sendable, CustomStringConvertible {
    package var diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
