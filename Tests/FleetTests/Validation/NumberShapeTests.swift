import Testing

@testable import Fleet

@Suite("Shapes of numbers in YAML")
struct NumberShapeTests {
    @Test("each is what its regular expression says, of whatever is written with a number's letters")
    func expressions() {
        let integer = #/-?(0|[1-9][0-9]*)/#
        let decimal = #/-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?/#
        let loose = [
            #/[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?/#, #/[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?/#,
            #/[-+]?0[xob][0-9a-fA-F_]+/#, #/[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)/#,
            #/[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?/#,
        ]
        let date = #/[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?/#
        let known = [
            "0", "-0", "007", "0x1F", "0o17", "0b_", ".inf", "-.NaN", "12:30", "1:60", "190:20:30.15", "1_000", "1e5",
            "1.5e-3",
            "1.e5", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14T", "1s", "0.6.2", "127.0.0.1", "+1", "-",
            ".", "",
        ]
        var numbers = SystemRandomNumberGenerator()
        let letters = Array("0011259+-__..::eExobTinfaNAF ")
        let made = (0..<20_000).map { _ in
            String(
                (0..<Int.random(in: 1...7, using: &numbers)).compactMap { _ in letters.randomElement(using: &numbers) })
        }
        for text in known + made {
            #expect(NumberShape.isInteger(text) == (text.wholeMatch(of: integer) != nil), "\(text)")
            #expect(NumberShape.isDecimal(text) == (text.wholeMatch(of: decimal) != nil), "\(text)")
            #expect(NumberShape.isLoose(text) == loose.contains { text.wholeMatch(of: $0) != nil }, "\(text)")
            #expect(NumberShape.isDate(text) == (text.wholeMatch(of: date) != nil), "\(text)")
        }
    }
}
