extension ReleaseReference {
    /// Reads `pypi:NAME@VERSION`, `npm:NAME@VERSION` or `path:DIRECTORY[@VERSION]`.
    package init(parsing text: String) throws(Problem) {
        let example = "such as pypi:documentdb-mcp@0.6.2"
        guard let colon = text.firstIndex(of: ":") else {
            throw Problem(
                "\(text.quoted) does not say where it comes from", "write pypi:, npm: or path: first, \(example)")
        }
        let scheme = String(text[..<colon])
        guard let kind = Kind(rawValue: scheme) else {
            let nearest = Spelling.nearest(to: scheme, in: Kind.allCases.map(\.rawValue))
            throw Problem(
                "\(scheme.quoted) is no source of releases" + (nearest.map { ", did you mean \($0)?" } ?? ""),
                "use pypi:, npm: or path:, \(example)")
        }
        let (name, version) = Self.split(String(text[text.index(after: colon)...]), kind)
        if let version, version.hasPrefix("=="), !version.dropFirst(2).isEmpty {
            throw Problem("pins with == as pip does", "write \(kind):\(name)@\(version.dropFirst(2))")
        }
        try Self.checkName(name, kind)
        if let version {
            do { try ExactVersion.check(version, kind: kind) } catch {
                throw Problem(error.what == "has no version" ? "\(text.quoted) has no version" : error.what, error.fix)
            }
        } else if kind != .path {
            throw Problem("\(text.quoted) has no version", "end it with an exact one, such as \(kind):\(name)@1.2.3")
        }
        self.init(kind: kind, name: name, version: version ?? "")
    }

    /// npm scopes begin with `@`, and directories may contain one, so the last one counts.
    private static func split(_ text: String, _ kind: Kind) -> (name: String, version: String?) {
        guard let at = text.lastIndex(of: "@"), at != text.startIndex else {
            // PyPI's own way to pin is so natural to write that it deserves the right message.
            if kind == .pypi, let sign = text.firstIndex(where: { "=<>~!^".contains($0) }) {
                return (String(text[..<sign]), String(text[sign...]))
            }
            return (text, nil)
        }
        let version = text[text.index(after: at)...]
        if kind == .path, version.contains("/") { return (text, nil) }
        return (String(text[..<at]), String(version))
    }

    private static func checkName(_ name: String, _ kind: Kind) throws(Problem) {
        switch kind {
        case .pypi:
            guard name.wholeMatch(of: #/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?/#) != nil, name.utf8.count <= 100
            else {
                throw Problem("\(name.quoted) is no name of a PyPI package", "use letters, digits, dots and dashes")
            }
        case .npm:
            let shape = #/(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*/#
            guard name.wholeMatch(of: shape) != nil, name.utf8.count <= 214 else {
                throw Problem(
                    "\(name.quoted) is no name of an npm package", "use small letters, digits, dots and dashes")
            }
        case .path:
            try PathRule.check(name)
        }
    }
}
