import Foundation
import Testing

/// This test program once more, as a process of its own that runs one test: to be killed, or to have a disk of its own.
struct Reenactment {
    let process = Process()
    private let output = Pipe()

    /// - Parameter wrapped: what goes before the command.
    init(of test: String, environment: [String: String], wrapped: [String] = []) throws {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var words = CommandLine.arguments
        words[0] = own
        // As `swift test` started us, apart from its choice of tests.
        let kept = words.firstIndex(of: "--testing-library").map { ["--testing-library", words[$0 + 1]] } ?? []
        let bundle = words.firstIndex(of: "--test-bundle-path").map { ["--test-bundle-path", words[$0 + 1]] } ?? []
        let command = wrapped + [own] + bundle + kept + ["--no-parallel", "--filter", test]
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    /// Everything that it says, once it has ended.
    func text() -> String {
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What a reenacted test finds in its environment; nil in the ordinary run, which skips it.
func stage(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
