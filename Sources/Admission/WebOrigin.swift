/// Origins as browsers spell them (RFC 6454, 6.2): lower case, without the scheme's default port.
enum WebOrigin {
    static func canonical(_ text: String) -> String {
        let lower = text.lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where lower.hasPrefix(scheme) && lower.hasSuffix(port) {
            return String(lower.dropLast(port.count))
        }
        return lower
    }
}
