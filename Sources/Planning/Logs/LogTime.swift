import Fleet

/// When a line of a log was written, as far as the line itself tells: seconds since 1970.
package enum LogTime {
    /// Seconds east of UTC, for times that name no zone; its argument is such a time, taken for UTC.
    package typealias LocalOffset = @Sendable (Double) -> Double

    private static let names: Set<String> = ["time", "timestamp", "ts", "at", "$date", "t"]

    /// Nil when it does not tell. Known: a stamp at the start, `time=STAMP`, and a member `time` (`ts`, ...) of a
    /// line of JSON, as text or as a number of seconds or milliseconds.
    package static func of(_ line: String, localOffset: LocalOffset) -> Double? {
        var text = StampReader(Array(line.utf8.prefix(1024)))
        text.skip { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "[") }
        if text.peek == UInt8(ascii: "{") { return member(&text, localOffset) }
        let start = text
        if let name = text.word(), names.contains(name), text.take("=") {
            _ = text.take("\"")
            return text.stamp()?.time(localOffset)
        }
        text = start
        return text.stamp()?.time(localOffset)
    }

    private static func member(_ text: inout StampReader, _ localOffset: LocalOffset) -> Double? {
        while text.skip(past: UInt8(ascii: "\"")) {
            guard let name = text.word(), text.take("\""), names.contains(name) else { continue }
            text.skip { $0 == UInt8(ascii: " ") }
            guard text.take(":") else { continue }
            text.skip { $0 == UInt8(ascii: " ") }
            if text.take("\"") {
                if let stamp = text.stamp() { return stamp.time(localOffset) }
            } else if let number = text.number(), number > 1_000_000_000 {
                return number > 100_000_000_000 ? number / 1000 : number
            }
        }
        return nil
    }

    /// `30m` (ago), `2026-11-21`, `2026-11-21 18:31`, `2026-11-21T18:31:59Z`, `18:31` (today). Throws a `Failure`
    /// (`usage`).
    package static func since(_ text: String, now: Double, localOffset: LocalOffset) throws -> Double {
        if let ago = try? Seconds(parsing: text) { return now - ago.value }
        var reader = StampReader(Array(text.utf8))
        if let stamp = reader.stamp(needsTime: false), reader.peek == nil { return stamp.time(localOffset) }
        let local = now + localOffset(now)
        reader = StampReader(Array(text.utf8))
        if let clock = reader.clock(), reader.peek == nil {
            let midnight = (local / 86400).rounded(.down) * 86400
            return midnight + clock - localOffset(midnight + clock)
        }
        throw Failure(
            .usage, "cannot show logs since \(text)", because: "that is no time",
            next: "write 30m, 2h, 18:31, 2026-11-21 or 2026-11-21T18:31:59Z")
    }

    /// In UTC, to the millisecond: `2026-11-21T18:31:59.123Z`.
    package static func text(_ time: Double) -> String {
        let milliseconds = Int((time * 1000).rounded(.down))
        let (days, rest) = milliseconds.floored(by: 86_400_000)
        let date = CivilDate(days: days)
        let (seconds, fraction) = rest.floored(by: 1000)
        return "\(date.text)T\((seconds / 3600).padded(2)):\((seconds / 60 % 60).padded(2)):"
            + "\((seconds % 60).padded(2)).\(fraction.padded(3))Z"
    }
}

extension Int {
    fileprivate func floored(by size: Int) -> (Int, Int) {
        let rest = ((self % size) + size) % size
        return ((self - rest) / size, rest)
    }

    fileprivate func padded(_ width: Int) -> String {
        let text = String(self)
        return String(repeating: "0", count: Swift.max(0, width - text.count)) + text
    }
}

/// Days since 1970 as year, month and day, and back.
struct CivilDate {
    let year: Int
    let month: Int
    let day: Int

    init?(year: Int, month: Int, day: Int) {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Years begin in March here, so that a leap day ends one; an era is 400 of them.
    init(days: Int) {
        let (era, day) = (days + 719_468).floored(by: 146_097)
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let ofYear = day - (365 * year + year / 4 - year / 100)
        let shifted = (5 * ofYear + 2) / 153
        self.day = ofYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        self.year = year + era * 400 + (month <= 2 ? 1 : 0)
    }

    var days: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, ofEra) = shiftedYear.floored(by: 400)
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    var text: String { "\(year.padded(4))-\(month.padded(2))-\(day.padded(2))" }
}
