import Fleet
import Foundation
import Ports
import Testing

@testable import Hosts

@Suite("Words for a shell")
struct ShellWordsTests {
    @Test("plain words stay as they are, all others are quoted")
    func quoting() {
        #expect(ShellWords.line(["ls", "-l", "/var/lib/a_b.c"]) == "ls -l /var/lib/a_b.c")
        let line = ShellWords.line(["echo", "", "a b", "it's", "$HOME", "~", "a=b"])
        #expect(line == "echo '' 'a b' 'it'\\''s' '$HOME' '~' 'a=b'")
    }

    @Test("whatever a word is made of, a shell reads that word", arguments: 0..<200)
    func anyWord(seed: UInt64) async throws {
        var random = Seeded(seed)
        let pieces = ["'", "\"", "\\", "$", "`", " ", "\t", "\n", ";", "*", "!", "#", "é", "-", "~", "=", "a", "'\\''"]
        let words = (0..<3).map { _ in
            (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        }
        let line = ShellWords.line(["printf", "%s\\0"] + words)
        let answer = try await LocalProgram("/bin/sh").run(["-c", line], input: .nothing)
        #expect(answer.output.joined(separator: "\n") == words.map { $0 + "\0" }.joined())
    }
}

struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
