import Foundation
import Glibc
import Testing

@testable import Supervision

@Suite("Reading logs while they are rotated")
struct LogCursorTests {
    private let rotation = LogRotation(policy: .init(maxBytes: 20_000, keep: 3))

    private func append(_ text: String, to path: String) throws {
        let file = try OwnedDescriptor(opening: path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600)
        let bytes = Array(text.utf8)
        try file.writeAll(bytes.span)
    }

    private func line(_ number: Int) -> String { "line \(number) \(String(repeating: "x", count: number % 90))" }

    @Test("a follower is told every line once, over any number of rotations, wherever they fall")
    func follows() throws {
        let scratch = try Scratch()
        let path = scratch.file("one.log")
        try append("before\n", to: path)
        let files = LogFiles(directory: scratch.path)
        var (told, cursor) = try files.read("one")
        #expect(told == ["before"])
        var dice = SystemRandomNumberGenerator()
        var rotations = 0
        for number in 0..<4_000 {
            let text = line(number) + "\n"
            // Now and then a line comes in two halves.
            let half = text.index(text.startIndex, offsetBy: number % 3 == 0 ? 3 : text.count)
            try append(String(text[..<half]), to: path)
            if Int.random(in: 0..<50, using: &dice) == 0, try rotation.rotate(path) != .notNeeded { rotations += 1 }
            if Int.random(in: 0..<30, using: &dice) == 0 { told += try cursor.advance() }
            try append(String(text[half...]), to: path)
        }
        told += try cursor.advance()
        #expect(rotations > 3)
        let wrong = zip(told.dropFirst(), (0..<4_000).map(line)).first { $0 != $1 }
        #expect(told.count == 4_001 && told.first == "before" && wrong == nil)
        #expect(cursor.unfinished == nil)
    }

    @Test("so is one that reads while another thread writes and rotates")
    func concurrently() async throws {
        let scratch = try Scratch()
        let path = scratch.file("one.log")
        try append("", to: path)
        var cursor = LogFiles(directory: scratch.path).begin("one")
        let (rotation, line) = (LogRotation(policy: .init(maxBytes: 20_000, keep: 1000)), line)
        let writing = Task.detached {
            for number in 0..<4_000 {
                let text = Array("\(line(number))\n".utf8)
                let file = try OwnedDescriptor(opening: path, O_WRONLY | O_APPEND)
                try file.writeAll(text.span)
                if number % 40 == 0 { _ = try rotation.rotate(path) }
            }
            try "".write(toFile: path + ".done", atomically: true, encoding: .utf8)
        }
        var told: [String] = []
        while access(path + ".done", F_OK) != 0 {
            told += try cursor.advance()
            poll(nil, 0, 1)
        }
        try await writing.value
        told += try cursor.advance()
        let wrong = zip(told, (0..<4_000).map(line)).first { $0 != $1 }
        #expect(told.count == 4_000 && wrong == nil)
    }

    @Test("the last lines are found over parts, and a line that two parts share is one")
    func last() throws {
        let scratch = try Scratch()
        let path = scratch.file("one.log")
        for number in 0..<3000 {
            try append(line(number) + "\n", to: path)
            if number % 100 == 0 { _ = try rotation.rotate(path) }
        }
        try append("half", to: path)
        let files = LogFiles(directory: scratch.path)
        for count in [0, 1, 7, 400, 900] {
            let (lines, cursor) = try files.read("one", last: count)
            #expect(lines == (0..<3000).suffix(count).map(line))
            #expect(cursor.unfinished == "half")
        }
        let (all, _) = try files.read("one")
        // The first may be the end of one whose beginning was thrown away.
        #expect(all.count > 900 && all.dropFirst() == (0..<3000).suffix(all.count - 1).map(line)[...])
        #expect(try files.names() == ["one"])
    }

    @Test("a log that was emptied or made anew is read from its beginning, a missing one has no lines")
    func anew() throws {
        let scratch = try Scratch()
        let path = scratch.file("one.log")
        var cursor = LogFiles(directory: scratch.path).begin("one")
        #expect(try cursor.advance() == [])
        try append("a\nb\n", to: path)
        #expect(try cursor.advance() == ["a", "b"])
        #expect(truncate(path, 0) == 0)
        try append("c\n", to: path)
        #expect(try cursor.advance() == ["c"])
        try PosixFiles().write(path, "d\nmore than before\n", mode: 0o600)
        #expect(try cursor.advance() == ["d", "more than before"])
    }
}
