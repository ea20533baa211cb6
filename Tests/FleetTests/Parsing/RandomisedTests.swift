import Fleet
import Foundation
import Testing

@Suite("The parser under random input")
struct RandomisedTests {
    /// `ops/test` runs 100000; fewer by default, to keep a plain `swift test` quick.
    /// Shared by four seeds, which run in parallel.
    private static let count = (Int(ProcessInfo.processInfo.environment["CONVOY_FUZZ_INPUTS"] ?? "") ?? 5000) / 4

    @Test("whatever comes in, a spec or a list of problems comes out", arguments: [0x5eed, 0xcafe, 0xbeef, 0xf1ee7])
    func survives(_ seed: UInt64) throws {
        let profiles = try Dictionary(
            uniqueKeysWithValues: ["documentdb", "grafana", "mongodb"].map { ($0, try SpecCase.lookup($0)) })
        let seeds = SpecCase.all.map(\.input).filter { $0.count < 4000 }
        let good = SpecCase.all.filter { $0.says == "valid\n" }.map(\.input)
        var mutator = Mutator(seed: seed)
        var valid = 0
        for number in 0..<Self.count {
            let input = mutator.next(from: number.isMultiple(of: 2) ? seeds : good, and: seeds)
            do throws(SpecError) {
                if number % 8 == 0 {
                    _ = try Profile.parse(input, file: "p")
                } else {
                    _ = try FleetSpec.parse(input, file: "f") { profiles[$0] ?? nil }
                }
                valid += 1
            } catch {
                if error.diagnostics.isEmpty { Issue.record("an error without a diagnostic: \(input)") }
                for diagnostic in error.diagnostics where diagnostic.description.utf8.contains(10) {
                    Issue.record("a diagnostic of more than one line: \(diagnostic) from \(input)")
                }
            }
        }
        // Mutations that never leave a spec valid would test the first check only.
        #expect(valid > Self.count / 100 && valid < Self.count / 2)
    }
}

/// SplitMix64: the same inputs in each run, on each machine.
private struct Mutator {
    private var state: UInt64
    private static let tokens = [
        "*a", "&a ", "<<: ", "!!int ", "{", "}", "[", "]", ": ", "- ", "'", "\"", "\n", "\t", "|\n", ">\n", "? ",
        "---\n", "#", "\u{0}",
        "\u{feff}", "\r", "é", "\u{2028}", "0x1", "~", "null", "yes", "{{port}}", "{{", "1e9", "-1",
        "99999999999999999999", "@", "%", "`",
    ].map { Array($0.utf8) }

    init(seed: UInt64) { state = seed }

    mutating func random(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((z ^ (z >> 31)) % UInt64(max(1, bound)))
    }

    mutating func next(from starts: [[UInt8]], and seeds: [[UInt8]]) -> [UInt8] {
        if random(20) == 0 { return (0..<random(200)).map { _ in UInt8(random(256)) } }
        var bytes = starts[random(starts.count)]
        for _ in 0..<random(6) { mutate(&bytes, seeds) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
        let place = random(bytes.count + 1)
        switch random(7) {
        case 0: if place < bytes.count { bytes[place] = UInt8(random(256)) }
        case 1: if place < bytes.count { bytes[place] ^= 1 << UInt8(random(8)) }
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(12)))
        case 3: bytes.insert(contentsOf: Self.tokens[random(Self.tokens.count)], at: place)
        case 4:
            bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + random(80))], at: random(bytes.count + 1))
        case 5: bytes = Array(bytes.prefix(place))
        default:
            let other = seeds[random(seeds.count)]
            let start = random(other.count + 1)
            bytes.insert(contentsOf: other[start..<min(other.count, start + random(60))], at: place)
        }
    }
}
