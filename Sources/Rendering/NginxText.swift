import Fleet

/// Text that may enter an nginx configuration. Everything was checked when the fleet was parsed; it is
/// checked again here, because one stray `;` or `$` would turn a value into configuration.
struct NginxText {
    /// What the value is, for the error: `pool analytics: scope`.
    let subject: String

    init(_ subject: String) { self.subject = subject }

    /// Pool and fleet names: they become parts of upstream names and URLs.
    func name(_ text: String) throws -> String {
        guard let first = text.utf8.first, Self.isLowerOrDigit(first) else { throw refused(text) }
        guard text.utf8.count <= 63 else { throw refused(text, "longer than 63 characters") }
        return try only(text) { Self.isLowerOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    /// Absolute path of a file; goes between double quotes.
    func path(_ text: String) throws -> String {
        guard text.hasPrefix("/"), text.utf8.count > 1 else { throw refused(text, "not an absolute path") }
        guard !text.hasSuffix("/") else { throw refused(text, "ends in a slash") }
        return try without(#"";{}$\'`*?[]"#, text)
    }

    /// Linux takes 107 bytes; nginx would only say "too long path" at its start.
    func socketPath(_ text: String) throws -> String {
        guard text.utf8.count <= 107 else { throw refused(text, "longer than 107 bytes, too long for a unix socket") }
        return try path(text)
    }

    /// Path of a URL: the endpoint of a server.
    func urlPath(_ text: String) throws -> String {
        guard text.hasPrefix("/") else { throw refused(text, "does not start with a slash") }
        return try only(text) { Self.isWord($0) || "-._~/".utf8.contains($0) }
    }

    /// `http` or `https` URL without credentials, query, fragment or trailing slash.
    func url(_ text: String) throws -> String {
        guard let rest = ["https://", "http://"].lazy.compactMap({ text.after(prefix: $0) }).first, !rest.isEmpty
        else { throw refused(text, "not an http or https URL") }
        guard !text.hasSuffix("/") else { throw refused(text, "ends in a slash") }
        _ = try only(String(rest)) { Self.isWord($0) || "-._~:/%+,=[]".utf8.contains($0) }
        return text
    }

    /// Like `url`, but issuers may end in a slash: they are compared byte for byte.
    func issuer(_ text: String) throws -> String {
        _ = try url(text.hasSuffix("/") ? String(text.dropLast()) : text)
        return text
    }

    /// RFC 6749, 3.3, without what nginx or JSON would read as their own.
    func scope(_ text: String) throws -> String {
        guard !text.isEmpty else { throw refused(text) }
        return try only(text) { Self.isWord($0) || "-._~:/+!%&()*,=<>@^|#?[]".utf8.contains($0) }
    }

    /// Value of `Host`: a name or address, perhaps with a port.
    func host(_ text: String) throws -> String {
        guard !text.isEmpty else { throw refused(text) }
        return try only(text) { Self.isWord($0) || "-.:[]".utf8.contains($0) }
    }

    func user(_ text: String) throws -> String {
        guard !text.isEmpty else { throw refused(text) }
        return try only(text) { Self.isWord($0) || $0 == UInt8(ascii: "-") }
    }

    func port(_ number: Int) throws -> Int {
        guard (1...65535).contains(number) else { throw refused(String(number), "not a port (1...65535)") }
        return number
    }

    func bytes(_ number: Int) throws -> Int {
        guard number > 0 else { throw refused(String(number), "not a number of bytes") }
        return number
    }

    func refused(_ value: String, _ why: String = "") -> Failure {
        let shown = value.unicodeScalars.prefix(60).map { $0.escaped(asASCII: true) }.joined()
        let reason = why.isEmpty ? "holds what may not stand in an nginx configuration" : why
        return Failure(
            .badSpec, "cannot render the edge's configuration", because: "\(subject): \"\(shown)\": \(reason)",
            next: "correct the value in fleet.yaml; `convoy validate` shows where")
    }

    private func only(_ text: String, _ allowed: (UInt8) -> Bool) throws -> String {
        guard text.utf8.allSatisfy(allowed) else { throw refused(text) }
        return text
    }

    private func without(_ forbidden: String, _ text: String) throws -> String {
        let isFit = text.unicodeScalars.allSatisfy { scalar in
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            return !isControl && scalar.value != 0x2028 && scalar.value != 0x2029
                && !forbidden.unicodeScalars.contains(scalar)
        }
        guard isFit else { throw refused(text) }
        return text
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool { byte.isDigit || byte.isLower }
    private static func isWord(_ byte: UInt8) -> Bool {
        byte.isDigit || byte.isLower || (byte | 0x20).isLower || byte == UInt8(ascii: "_")
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isLower: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
}

extension String {
    fileprivate func after(prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
