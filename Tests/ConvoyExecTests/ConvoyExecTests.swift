import Foundation
import Testing

@Suite("convoy-exec")
final class ConvoyExecTests {
    private let directory = "/tmp/convoy-exec-" + UUID().uuidString
    private let secret = "s3cr3t-value"

    init() throws { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private struct Outcome {
        var code: Int32
        var output: Data
        var words: String
        var lines: [String] { String(decoding: output, as: UTF8.self).split(separator: "\0").map(String.init) }
    }

    /// Beside the tests, where it was built with them.
    private static let program = CommandLine.arguments.lazy.filter { $0.contains(".xctest") }
        .map { URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("convoy-exec").path }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private func run(_ arguments: [String], _ environment: [String: String]) throws -> Outcome {
        let process = Process()
        let (output, words) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: try #require(Self.program))
        process.arguments = arguments
        process.environment = environment
        process.standardOutput = output
        process.standardError = words
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        let said = String(decoding: words.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(!said.contains(secret) && !said.contains("s3cr3t"), "a value was printed")
        return Outcome(code: process.terminationStatus, output: printed, words: said)
    }

    /// With the credential as given, and a program that prints its environment.
    private func start(_ credential: String?, _ environment: [String: String] = [:]) throws -> Outcome {
        if let credential { try write(Data(credential.utf8)) }
        let all = environment.merging(["CREDENTIALS_DIRECTORY": directory]) { $1 }
        return try run(["--credential", "environment", "--", "/usr/bin/env", "-0"], all)
    }

    private func write(_ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: directory + "/environment")) }

    private func expectRefused(_ outcome: Outcome, code: Int32 = 243, _ words: String) {
        #expect(outcome.code == code && outcome.output.isEmpty, "\(outcome.words)")
        #expect(outcome.words.hasPrefix("convoy-exec: ") && outcome.words.contains(words), "\(outcome.words)")
        #expect(outcome.words.split(separator: "\n").count == 1)
    }

    @Test("what the credential holds is in the server's environment, beside what was there")
    func moves() throws {
        let outcome = try start("URI=mongodb://u:\(secret)@h/?a=b\0HEADERS={\"x\":\"a b\nc\"}", ["HOME": "/x"])
        #expect(outcome.code == 0 && outcome.words.isEmpty)
        #expect(
            outcome.lines.sorted() == [
                "HEADERS={\"x\":\"a b\nc\"}", "HOME=/x", "URI=mongodb://u:\(secret)@h/?a=b",
            ])
    }

    @Test("a NUL at the end is the end, not one more entry")
    func lastNul() throws {
        #expect(try start("A=1\0B=2\0").lines == ["A=1", "B=2"])
    }

    @Test("systemd's own words do not reach the server")
    func dropped() throws {
        let words = [
            "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID",
            "STATE_DIRECTORY", "LISTEN_FDS", "LISTEN_PID", "MAINPID", "MANAGERPID",
        ]
        let inherited = Dictionary(uniqueKeysWithValues: words.map { ($0, "x") } + [("NOTIFY_SOCKET_X", "stays")])
        #expect(try start("A=1", inherited).lines.sorted() == ["A=1", "NOTIFY_SOCKET_X=stays"])
    }

    @Test("without --credential nothing is looked for: the server has no secrets")
    func none() throws {
        let outcome = try run(
            ["--", "/usr/bin/env", "-0"], ["CREDENTIALS_DIRECTORY": directory + "/none", "A": "1"])
        #expect(outcome.code == 0 && outcome.lines == ["A=1"])
    }

    @Test("arguments arrive as they are")
    func arguments() throws {
        let words = ["", "a b", "--credential", "--", "$HOME", "é\n"]
        let outcome = try run(["--", "/usr/bin/printf", "%s\\0"] + words, [:])
        #expect(outcome.output == Data(words.joined(separator: "\0").utf8) + [0])
    }

    @Test(
        "a credential that is not exactly NAME=value by NUL ends the start",
        arguments: [
            ("", "is empty"), ("s3cr3t-value", "entry 1 is not NAME=value"), ("A=1\0s3cr3t-value", "entry 2 is not"),
            ("A=1\0\0B=s3cr3t", "entry 2 is not"), ("\0A=1", "entry 1 is not"), ("=s3cr3t-value", "name of entry 1"),
            ("A B=s3cr3t", "name of entry 1"), ("A-B=s3cr3t", "name of entry 1"), ("1A=s3cr3t", "name of entry 1"),
            ("Ä=s3cr3t", "name of entry 1"), ("A\n=s3cr3t", "name of entry 1"), ("A=", "A has no value"),
            ("A=s3cr3t\0A=s3cr3t", "A is there twice"), ("NOTIFY_SOCKET=s3cr3t", "a name of systemd's own"),
            ("CREDENTIALS_DIRECTORY=s3cr3t", "a name of systemd's own"),
        ])
    func malformed(_ content: String, _ words: String) throws {
        expectRefused(try start(content), words)
    }

    @Test("a name that the unit sets as well is refused: which one counts would be a guess")
    func clash() throws {
        expectRefused(try start("URI=\(secret)", ["URI": "x"]), "URI is there twice, or is set by the unit")
        #expect(try start("URI_2=x", ["URI": "x", "URI_22": "x"]).code == 0)
    }

    @Test("a credential that is missing, no file, or for anybody to change ends the start")
    func unfit() throws {
        expectRefused(try start(nil), "cannot read credential environment: No such file")
        let path = directory + "/environment"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        expectRefused(try start(nil), "is not a file")
        try FileManager.default.removeItem(atPath: path)
        #expect(mkfifo(path, 0o600) == 0)
        expectRefused(try start(nil), "is not a file")
        try FileManager.default.removeItem(atPath: path)
        try "A=\(secret)".write(toFile: directory + "/other", atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory + "/other")
        expectRefused(try start(nil), "cannot read credential")
        try FileManager.default.removeItem(atPath: path)
        try write(Data("A=\(secret)".utf8))
        #expect(chmod(path, 0o666) == 0)
        expectRefused(try start(nil), "can be changed by anybody")
    }

    @Test("a huge credential is refused, one of the largest size is taken")
    func huge() throws {
        let most = 256 * 1024
        // Strings of an environment have bounds of their own: several, then.
        let entry = { (name: String, size: Int) in
            name + "=" + String(repeating: "x", count: size - name.count - 2) + "\0"
        }
        let fits = ["A", "B", "C", "D"].map { entry($0, most / 4) }.joined()
        #expect(fits.utf8.count == most)
        #expect(try start(fits).lines.count == 4)
        expectRefused(try start(fits + "x"), "larger than 262144 bytes")
        try write(Data(count: 64 << 20))
        expectRefused(try start(nil), "larger than 262144 bytes")
    }

    @Test("no credentials at all: the drop-in that took them away is suspected")
    func noDirectory() throws {
        let arguments = ["--credential", "environment", "--", "/usr/bin/env"]
        expectRefused(try run(arguments, [:]), "CREDENTIALS_DIRECTORY is not set")
        expectRefused(try run(arguments, ["CREDENTIALS_DIRECTORY": "relative"]), "CREDENTIALS_DIRECTORY is not set")
    }

    @Test("a program that can't be executed is 203, as systemd says it")
    func program() throws {
        expectRefused(try run(["--", directory + "/none"], [:]), code: 203, "No such file or directory")
        try "text".write(toFile: directory + "/plain", atomically: true, encoding: .utf8)
        expectRefused(try run(["--", directory + "/plain"], [:]), code: 203, "Permission denied")
    }

    @Test(
        "anything else on its command line is a mistake",
        arguments: [
            [], ["--"], ["/usr/bin/env"], ["--credential", "environment", "/usr/bin/env"], ["--credential"],
            ["--credential", "a", "--credential", "b", "--", "/usr/bin/env"],
        ])
    func usage(_ arguments: [String]) throws {
        expectRefused(try run(arguments, [:]), code: 64, "usage: ")
    }

    @Test("programs are named by their whole path, credentials by a name")
    func names() throws {
        expectRefused(try run(["--", "env"], [:]), code: 64, "not an absolute path")
        for name in ["", "../x", ".", "a/b"] {
            expectRefused(
                try run(["--credential", name, "--", "/usr/bin/env"], [:]), code: 64, "not the name of a credential")
        }
    }
}
