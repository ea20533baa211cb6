/// `RECORD` of an installed wheel, and other text that pip writes differently for each place.
enum WheelRecord {
    /// Sorted lines of the files that are there; those above the tree (`../../bin`) name pip's own
    /// scripts, whose hashes hold the interpreter's path.
    static func canonical(_ text: String, exists: (String) -> Bool) -> String {
        let kept = text.split(whereSeparator: \.isNewline).filter { line in
            let path = path(of: line)
            return !path.hasPrefix("../") && !path.hasPrefix("/") && !path.hasPrefix("bin/") && exists(path)
        }
        return kept.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { $0 + "\n" }.joined()
    }

    /// The first field of a CSV line.
    static func path(of line: Substring) -> String {
        guard line.first == "\"" else { return String(line.prefix { $0 != "," }) }
        var path = ""
        var rest = line.dropFirst()
        while let quote = rest.firstIndex(of: "\"") {
            path += rest[..<quote]
            rest = rest[rest.index(after: quote)...]
            guard rest.first == "\"" else { break }
            path += "\""
            rest = rest.dropFirst()
        }
        return path
    }

    /// A Python script with the first line that wheels carry before pip writes its own; nil when it
    /// is no Python script.
    static func settledScript(_ bytes: [UInt8]) -> [UInt8]? {
        guard let end = bytes.firstIndex(of: 10) else { return nil }
        let first = String(decoding: bytes[..<end], as: UTF8.self)
        guard first.hasPrefix("#!"), first.contains("python") else { return nil }
        return Array("#!python".utf8) + bytes[end...]
    }
}

/// `entry_points.txt`: the commands a package brings.
struct EntryPoints {
    /// Command -> `module:attribute`.
    var scripts: [String: String] = [:]

    init(_ text: String) {
        var inScripts = false
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.filter { !$0.isWhitespace }
            if words.hasPrefix("[") {
                inScripts = words == "[console_scripts]" || words == "[gui_scripts]"
            } else if inScripts, !words.hasPrefix("#"), !words.hasPrefix(";"),
                let cut = words.firstIndex(of: "=")
            {
                // `module:attribute [extra]`: extras are nothing to a release that is resolved.
                let target = words[words.index(after: cut)...].prefix { $0 != "[" }
                if Self.isTarget(target) { scripts[String(words[..<cut])] = String(target) }
            }
        }
    }

    private static func isTarget(_ target: Substring) -> Bool {
        target.filter { $0 == ":" }.count == 1
            && target.allSatisfy { $0.isLetter || $0.isNumber || "_.:".contains($0) }
    }
}
