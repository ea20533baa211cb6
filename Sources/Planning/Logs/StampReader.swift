/// Reads times out of bytes, from the left.
struct StampReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    struct Stamp {
        /// As if it were UTC.
        var value: Double
        /// Nil: the machine's own zone.
        var offset: Double?

        func time(_ localOffset: LogTime.LocalOffset) -> Double { value - (offset ?? localOffset(value)) }
    }

    var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func skip(while isSkipped: (UInt8) -> Bool) {
        while let byte = peek, isSkipped(byte) { place += 1 }
    }

    /// False at the end.
    mutating func skip(past byte: UInt8) -> Bool {
        skip { $0 != byte }
        guard peek != nil else { return false }
        place += 1
        return true
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    /// Letters and `$`; nil when there is none.
    mutating func word() -> String? {
        let start = place
        skip { (97...122).contains($0) || $0 == UInt8(ascii: "$") }
        return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
    }

    mutating func number() -> Double? {
        let start = place
        skip { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
        return Double(String(decoding: bytes[start..<place], as: UTF8.self))
    }

    /// `2026-11-21T18:31:59.123+01:00`, with its parts divided as nginx and Python do it, too.
    mutating func stamp(needsTime: Bool = true) -> Stamp? {
        guard let year = digits(4), take("-") || take("/"), let month = digits(2), take("-") || take("/"),
            let day = digits(2), let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        let midnight = Double(date.days) * 86_400
        guard take("T") || take(" ") else { return needsTime ? nil : Stamp(value: midnight) }
        guard let clock = clock(needsSeconds: needsTime) else { return nil }
        return Stamp(value: midnight + clock, offset: offset())
    }

    /// Seconds since midnight: `18:31` or `18:31:59.123`.
    mutating func clock(needsSeconds: Bool = false) -> Double? {
        guard let hour = digits(2), hour < 24, take(":"), let minute = digits(2), minute < 60 else { return nil }
        let whole = Double(hour * 3600 + minute * 60)
        guard take(":") else { return needsSeconds ? nil : whole }
        guard let second = digits(2), second <= 60 else { return nil }
        return whole + Double(second) + fraction()
    }

    private mutating func fraction() -> Double {
        guard take(".") || take(",") else { return 0 }
        var (value, scale) = (0.0, 0.1)
        while let byte = peek, (48...57).contains(byte) {
            value += Double(byte - 48) * scale
            scale /= 10
            place += 1
        }
        return value
    }

    private mutating func offset() -> Double? {
        if take("Z") { return 0 }
        let before = place
        let isWest = peek == UInt8(ascii: "-")
        guard take("+") || take("-"), let hours = digits(2) else {
            place = before
            return nil
        }
        _ = take(":")
        return Double(hours * 3600 + (digits(2) ?? 0) * 60) * (isWest ? -1 : 1)
    }

    private mutating func digits(_ count: Int) -> Int? {
        guard place + count <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[place..<place + count] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        place += count
        return value
    }
}
