extension Seconds {
    private static let units: [(name: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]

    /// Reads `500ms`, `30s`, `1.5m` or `1h`: one number and one unit.
    package init(parsing text: String) throws(Problem) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = String(text.dropFirst(number.count))
        guard let value = Double(number), number.first != ".", number.last != ".", number.utf8.count <= 12 else {
            throw Problem(
                "\(text.quoted) is no duration", "write one number and one unit, such as 500ms, 30s, 5m or 1h")
        }
        guard !unit.isEmpty else {
            throw Problem(
                "the duration \(text.quoted) has no unit", "write ms, s, m or h behind it, such as \(number)s")
        }
        guard let scale = Self.units.first(where: { $0.name == unit }) else {
            throw Problem(
                "\(unit.quoted) is no unit of time", "write one number and one of ms, s, m and h, such as 30s")
        }
        self.init(value * scale.seconds)
    }

    /// As a person would write it: `500ms`, `30s`, `5m`.
    package var text: String {
        let milliseconds = Int((min(max(value, 0), 1e9) * 1000).rounded())
        for (name, scale) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] where milliseconds >= scale {
            if milliseconds % scale == 0 { return "\(milliseconds / scale)\(name)" }
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }
}
