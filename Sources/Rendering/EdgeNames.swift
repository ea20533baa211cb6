import Fleet

/// The names under which clients may ask for the edge: those of `edge.url`.
struct EdgeNames {
    /// Without a port, as nginx has it in `$host`.
    let host: String
    /// All that `Host` may say.
    let spellings: [String]

    init(url: String) throws {
        let check = NginxText("edge/url")
        let text = try check.url(url)
        guard let parsed = try? WebURL(parsing: text) else { throw check.refused(text, "not an http or https URL") }
        host = try check.host(parsed.host.utf8.contains(UInt8(ascii: ":")) ? "[\(parsed.host)]" : parsed.host)
        let isDefault = parsed.port == (parsed.scheme == "https" ? 443 : 80)
        spellings = (isDefault ? [host] : []) + ["\(host):\(parsed.port)"]
    }

    /// What begins every name of a fleet's own in an nginx that others use too: `convoy_shop_`. nginx takes
    /// names of variables up to 46 characters by default, of which a long fleet name would leave too few.
    static func prefix(of fleet: String) -> String {
        let plain = String(fleet.map { $0 == "-" ? "_" : $0 })
        return plain.utf8.count <= 14 ? "convoy_\(plain)_" : "convoy_\(plain.prefix(6))\(hash(plain))_"
    }

    /// With the fleet's own beginning for every name that begins with `convoy_`.
    static func renamed(_ text: String, in fleet: String) -> String {
        let prefix = prefix(of: fleet)
        var parts = text.split(separator: "convoy_", omittingEmptySubsequences: false)[...]
        guard var result = parts.popFirst().map(String.init) else { return text }
        for part in parts {
            // `$upstream_http_x_convoy_owner` is a header's name, and the gate's.
            let isInside = result.last.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
            result += (isInside ? "convoy_" : prefix) + part
        }
        return result
    }

    /// FNV-1a: the same for ever, and only here to tell fleets with a long common beginning apart.
    private static func hash(_ text: String) -> String {
        let value = text.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
