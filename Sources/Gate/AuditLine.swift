/// One line of the audit. Texts of clients are bounded and escaped: a client can't forge a line.
package struct AuditLine: Sendable {
    package enum Value: Sendable {
        case text(String)
        case number(Int)
    }

    package private(set) var bytes: [UInt8] = []
    private static let textLimit = 256

    /// `at` in seconds since 1970.
    package init(at: Double, _ fields: [(String, Value)]) {
        self.init(at: at) { line in
            for (name, value) in fields {
                line.bytes += ",\"\(name)\":".utf8
                switch value {
                case .text(let text): line.append(text)
                case .number(let number): line.bytes += String(number).utf8
                }
            }
        }
    }

    /// The same for lines that are written for each request.
    init(at: Double, _ fill: (inout AuditLine) -> Void) {
        bytes.reserveCapacity(768)
        copy("{\"ts\":\"")
        Timestamp(at).append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        fill(&self)
        copy("}\n")
    }

    /// A name that is no text of anybody's is copied as it stands.
    mutating func add(_ name: StaticString, _ text: String) {
        append(name: name)
        append(text)
    }

    mutating func add(_ name: StaticString, _ number: Int) {
        append(name: name)
        bytes += String(number).utf8
    }

    private mutating func append(name: StaticString) {
        copy(",\"")
        copy(name)
        copy("\":")
    }

    private mutating func copy(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func append(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        var text = text
        let isPlain = text.withUTF8 { text in
            var fault: UInt8 = text.count <= Self.textLimit ? 0 : 1
            for byte in text { fault |= byte < 0x20 || byte > 0x7e || byte == 0x22 || byte == 0x5c ? 1 : 0 }
            // Nearly every text there is.
            if fault == 0 { bytes.append(contentsOf: text) }
            return fault == 0
        }
        if !isPlain { appendEscaped(text) }
    }

    private mutating func appendEscaped(_ text: String) {
        let digits = Array("0123456789abcdef".utf8)
        for scalar in text.unicodeScalars.prefix(Self.textLimit) {
            switch scalar.value {
            case 0x22, 0x5c: bytes += [0x5c, UInt8(scalar.value)]
            case 0x20..<0x7f: bytes.append(UInt8(scalar.value))
            default:
                for unit in String(scalar).utf16 {
                    bytes += "\\u".utf8
                    for shift in [12, 8, 4, 0] { bytes.append(digits[Int(unit >> UInt16(shift) & 15)]) }
                }
            }
        }
    }
}

/// `2026-11-21T09:05:03.042Z`
private struct Timestamp {
    private let milliseconds: Int

    /// `at` in seconds since 1970.
    init(_ at: Double) { milliseconds = at.isFinite && abs(at) < 1e11 ? Int((at * 1000).rounded(.down)) : 0 }

    func append(to bytes: inout [UInt8]) {
        func digits(_ number: Int, _ width: Int, then mark: Unicode.Scalar) {
            var divisor = width == 4 ? 1000 : width == 3 ? 100 : 10
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
            bytes.append(UInt8(ascii: mark))
        }
        let (days, rest) = (Self.floor(milliseconds, 86_400_000), Self.remainder(milliseconds, 86_400_000))
        let (year, month, day) = Self.date(ofDay: days)
        digits(year, 4, then: "-")
        digits(month, 2, then: "-")
        digits(day, 2, then: "T")
        digits(rest / 3_600_000, 2, then: ":")
        digits(rest / 60_000 % 60, 2, then: ":")
        digits(rest / 1000 % 60, 2, then: ".")
        digits(rest % 1000, 3, then: "Z")
    }

    /// Of the proleptic Gregorian calendar; day 0 is 1970-01-01. Counts years from March, so that a leap day
    /// is the last of its year, in eras of 400 years, which all have the same length.
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let (era, dayOfEra) = (floor(shifted, 146_097), remainder(shifted, 146_097))
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func floor(_ number: Int, _ divisor: Int) -> Int {
        (number - remainder(number, divisor)) / divisor
    }

    private static func remainder(_ number: Int, _ divisor: Int) -> Int {
        let rest = number % divisor
        return rest < 0 ? rest + divisor : rest
    }
}
