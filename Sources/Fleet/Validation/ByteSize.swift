/// Sizes in bytes; spelt with a unit: `64kB`, `10MB`, `1GB`. Units are decimal; those of memory may be `MiB`, `GiB`.
package enum ByteSize {
    private static let units: [(name: String, bytes: Int)] = [("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)]
    private static let binary: [(name: String, bytes: Int)] = [("MiB", 1 << 20), ("GiB", 1 << 30)]

    package static func parse(_ text: String, ofMemory: Bool = false) throws(Problem) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = String(text.dropFirst(digits.count))
        guard let number = Int(digits), digits.count <= 6 else {
            throw Problem("\(text.quoted) is no size", "write a whole number and a unit, such as 10MB")
        }
        guard !unit.isEmpty else {
            throw Problem("the size \(text.quoted) has no unit", "write kB, MB or GB behind it, such as \(digits)MB")
        }
        guard let scale = (ofMemory ? units + binary : units).first(where: { $0.name == unit }) else {
            let known = ofMemory ? "MB, GB, MiB or GiB" : "kB, MB or GB"
            throw Problem("\(unit.quoted) is no unit of size", "use \(known), such as \(digits)MB")
        }
        return number * scale.bytes
    }

    /// As a person would spell it: `512MiB`, `64MB`, `7 bytes`.
    package static func text(_ bytes: Int) -> String {
        for (name, scale) in units.reversed() + binary.reversed() where bytes >= scale && bytes % scale == 0 {
            return "\(bytes / scale)\(name)"
        }
        return "\(bytes) bytes"
    }
}
