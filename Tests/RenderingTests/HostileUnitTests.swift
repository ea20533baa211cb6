import Fleet
import Testing

@testable import Rendering

@Suite("Hostile values never reach a unit")
struct HostileUnitTests {
    typealias Field = (name: String, path: any WritableKeyPath<UnitPlan, String> & Sendable)

    /// Values that may hold nothing with a meaning to systemd.
    static let plain: [Field] = [
        ("fleet", \.fleet), ("pool", \.pool), ("instance", \.instance), ("release", \.release),
        ("directory", \.directory), ("working directory", \.launch.workingDirectory),
        ("executable", \.launch.executable), ("credential", \.credentialPath), ("stop signal", \.stop.signal),
    ]
    /// Values that may hold anything that can be escaped.
    static let free: [Field] = [("argument", \.launch.arguments[0]), ("environment", \.home)]

    static let hostile = [
        "%", "$", "\"", "'", "\\", ";", ":", " ", "\t", "\n", "\r", "\0", "\u{1b}", "\u{7f}", "\u{85}", "é",
    ]

    @Test("where only names and paths belong, anything that systemd could read is refused", arguments: plain)
    func refused(_ field: Field) {
        for character in Self.hostile {
            for _ in 0..<5 {
                var plan = UnitExamples.plan("node")
                var value = Array(plan[keyPath: field.path])
                value.insert(contentsOf: character, at: Int.random(in: 0...value.count))
                plan[keyPath: field.path] = String(value)
                #expect(throws: Failure.self, "\(field.name) \(value)") { try UnitRenderer.render(plan) }
            }
        }
    }

    @Test("arguments and environment change nothing but their own line, whatever they hold", arguments: free)
    func oneLine(_ field: Field) throws {
        let reference = try Self.lines(UnitExamples.plan("node"))
        var accepted = 0
        for _ in 0..<300 {
            var plan = UnitExamples.plan("node")
            let noise = (0..<Int.random(in: 1...8)).map { _ in
                Bool.random()
                    ? Character(Unicode.Scalar(UInt8.random(in: 0x01...0x7E)))
                    : Character(Self.hostile.randomElement() ?? "%")
            }
            plan[keyPath: field.path] += String(noise)
            guard let found = try? Self.lines(plan) else { continue }
            accepted += 1
            #expect(found.count == reference.count && zip(found, reference).count { $0 != $1 } <= 1)
        }
        #expect(accepted > 0)
    }

    @Test(
        "each character that means something to systemd is written as systemd reads it back",
        arguments: [
            ("50%", "\"50%%\""), ("$HOME ${HOME}", "\"$$HOME $${HOME}\""), ("a\"b'c", "\"a\\\"b'c\""),
            ("\\n", "\"\\\\n\""), ("a\nb\tc", "\"a\\nb\\tc\""), ("", "\"\""), (";", "\";\""), ("é ü", "\"é ü\""),
        ])
    func escapes(_ text: String, _ expected: String) throws {
        #expect(try SystemdText("x").argument(text) == expected)
    }

    @Test("Environment= knows no variables: a dollar stays single")
    func dollar() throws {
        #expect(try SystemdText("x").assignment("A_1", "$5 at 50%") == "\"A_1=$5 at 50%%\"")
        for name in ["", "1A", "A-B", "A B", "A=", "Ä", "A\n"] {
            #expect(throws: Failure.self, "\(name)") { try SystemdText("x").assignment(name, "v") }
        }
    }

    @Test("control characters that systemd would drop with the whole variable are refused")
    func controls() {
        for scalar in [0x00, 0x01, 0x08, 0x0B, 0x0D, 0x1B, 0x7F, 0x85, 0x9F] {
            let text = "x" + String(UnicodeScalar(UInt8(scalar)))
            #expect(throws: Failure.self) { try SystemdText("x").assignment("A", text) }
            #expect(throws: Failure.self) { try SystemdText("x").argument(text) }
        }
        #expect(throws: Failure.self) { try SystemdText("x").argument(String(repeating: "x", count: 1 << 17)) }
    }

    @Test("numbers out of range are refused")
    func numbers() {
        for change: @Sendable (inout UnitPlan) -> Void in [
            { $0.limits.memory = 0 }, { $0.limits.memory = -1 }, { $0.limits.tasks = 0 }, { $0.limits.cpu = 0 },
            { $0.generation = 0 }, { $0.stop.deadline = 0 }, { $0.stop.deadline = Seconds(.infinity) },
            { $0.stop.deadline = Seconds(.nan) }, { $0.stop.cleanExitCodes = [256] }, { $0.stop.signal = "KILL" },
            { $0.launch.arguments = Array(repeating: String(repeating: "x", count: 100_000), count: 6) },
        ] {
            var plan = UnitExamples.plan("node")
            change(&plan)
            #expect(throws: Failure.self) { try UnitRenderer.render(plan) }
        }
    }

    @Test("the refusal says which value, and shows it in one harmless line")
    func says() {
        var plan = UnitExamples.plan("node")
        plan.launch.environment["HOME"] = "/x\u{1b}[2J\r"
        let failure = #expect(throws: Failure.self) { try UnitRenderer.render(plan) }
        #expect(failure?.why.hasPrefix("instance analytics-1-g3: environment HOME: ") == true)
        #expect(failure?.why.contains("\u{1b}") == false && failure?.why.contains("\r") == false)
    }

    private static func lines(_ plan: UnitPlan) throws -> [Substring] {
        try UnitRenderer.render(plan).content.split(separator: "\n", omittingEmptySubsequences: false)
    }
}

extension UnitPlan {
    fileprivate var credentialPath: String {
        get { credential?.path ?? "" }
        set { credential?.path = newValue }
    }
    fileprivate var home: String {
        get { launch.environment["HOME"] ?? "" }
        set { launch.environment["HOME"] = newValue }
    }
}
