extension RateLimit {
    private static let units: [(name: String, seconds: Double)] = [("s", 1), ("m", 60), ("h", 3600)]

    /// Reads `50/s`, `300/m` or `1000/h`. Without a burst it allows two seconds' worth at once, and
    /// never less than 10: clients open with several requests.
    package init(parsing text: String, burst: Int? = nil) throws(Problem) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let unit = Self.units.first(where: { $0.name == parts[1] }) else {
            throw Problem("\(text.quoted) is no rate", "write requests per second, minute or hour: 50/s, 300/m, 1000/h")
        }
        guard (1...7).contains(parts[0].utf8.count), parts[0].utf8.allSatisfy(\.isDigit), let count = Int(parts[0]),
            count > 0
        else { throw Problem("\(text.quoted) is no rate", "write a whole number from 1 before the /, such as 50/s") }
        let perSecond = Double(count) / unit.seconds
        self.init(perSecond: perSecond, burst: burst ?? max(10, Int((2 * perSecond).rounded(.up))))
    }
}
