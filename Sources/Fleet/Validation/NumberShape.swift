/// What a text that begins like a number is shaped like. By hand: every number of every file passes here, and a regular
/// expression is built anew each time that it is looked for.
struct NumberShape {
    private var rest: ArraySlice<UInt8>

    private init(_ text: String) { rest = ArraySlice(text.utf8) }

    /// -?(0|[1-9][0-9]*)
    static func isInteger(_ text: String) -> Bool { matches(text) { $0.whole() } }

    /// -?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?
    static func isDecimal(_ text: String) -> Bool {
        matches(text) { $0.whole() && $0.one(".") && $0.many(\.isDigit) && $0.maybe { $0.exponent() } }
    }

    /// Whatever only some YAML readers take for a number: 0777, 1_000, .5, 0x1f, .inf, 12:30.
    static func isLoose(_ text: String) -> Bool {
        matches(text) { $0.sign() && $0.grouped() && $0.maybe { $0.fraction() } && $0.maybe { $0.exponent() } }
            || matches(text) { $0.sign() && $0.one(".") && $0.grouped() && $0.maybe { $0.exponent() } }
            || matches(text) { $0.sign() && $0.one("0") && $0.one("xob") && $0.many { $0.isHex || $0 == 0x5f } }
            || matches(text) { $0.sign() && $0.one(".") && $0.isWord(of: ["inf", "Inf", "INF", "nan", "NaN", "NAN"]) }
            || matches(text) { $0.sign() && $0.grouped() && $0.sixties() && $0.maybe { $0.fraction() } }
    }

    /// [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?
    static func isDate(_ text: String) -> Bool {
        var shape = NumberShape(text)
        guard shape.digits(4...4), shape.one("-"), shape.digits(1...2), shape.one("-"), shape.digits(1...2)
        else { return false }
        return shape.rest.isEmpty || shape.one("Tt ")
    }

    private static func matches(_ text: String, _ read: (inout NumberShape) -> Bool) -> Bool {
        var shape = NumberShape(text)
        return read(&shape) && shape.rest.isEmpty
    }

    // What is taken off the front; false, perhaps in the middle of it, where it is not there.

    private mutating func one(_ allowed: StaticString) -> Bool {
        guard let first = rest.first, first.isOne(of: allowed) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func many(_ isAllowed: (UInt8) -> Bool) -> Bool {
        let count = rest.prefix(while: isAllowed).count
        rest.removeFirst(count)
        return count > 0
    }

    private mutating func digits(_ count: ClosedRange<Int>) -> Bool {
        let found = rest.prefix(count.upperBound).prefix(while: \.isDigit).count
        rest.removeFirst(found)
        return count.contains(found)
    }

    /// All of it or nothing.
    private mutating func maybe(_ read: (inout NumberShape) -> Bool) -> Bool {
        var ahead = self
        if read(&ahead) { self = ahead }
        return true
    }

    private mutating func sign() -> Bool { maybe { $0.one("+-") } }

    private mutating func whole() -> Bool {
        _ = maybe { $0.one("-") }
        return one("0") || (one("123456789") && (many(\.isDigit) || true))
    }

    private mutating func grouped() -> Bool {
        guard let first = rest.first, first.isDigit else { return false }
        return many { $0.isDigit || $0 == 0x5f }
    }

    private mutating func fraction() -> Bool { one(".") && (many { $0.isDigit || $0 == 0x5f } || true) }

    private mutating func exponent() -> Bool { one("eE") && sign() && many(\.isDigit) }

    /// (:[0-5]?[0-9])+
    private mutating func sixties() -> Bool {
        var count = 0
        while rest.first == 0x3a {
            rest.removeFirst()
            let found = rest.prefix(2).prefix(while: \.isDigit)
            guard let first = found.first, found.count == 1 || first <= 0x35 else { return false }
            rest.removeFirst(found.count)
            count += 1
        }
        return count > 0
    }

    private mutating func isWord(of words: [String]) -> Bool {
        let found = words.contains { rest.elementsEqual($0.utf8) }
        if found { rest.removeAll() }
        return found
    }
}

extension UInt8 {
    fileprivate var isHex: Bool { isDigit || (0x61...0x66).contains(self) || (0x41...0x46).contains(self) }
}
