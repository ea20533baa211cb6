import Fleet
import Ports
import Subprocess
import SystemPackage

/// Runs the program as a child in a session of its own, which is killed when its time is over.
package struct ProgramDryRun: DryRunner {
    private static let longestOutput = 1 << 20
    /// Characters of each line that it said.
    private static let lineLimit = 200

    private let sandbox: (@Sendable (DryRun) -> [String])?

    /// - Parameter sandbox: the command that runs it in walls of its own, with all that it is to know among the
    ///   arguments; nil runs the program itself.
    package init(in sandbox: (@Sendable (DryRun) -> [String])? = nil) { self.sandbox = sandbox }

    package func run(_ trial: DryRun) async throws -> String? {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await ask(trial) }
            group.addTask {
                try await Task.sleep(for: .seconds(trial.deadline.value))
                return "it had not ended after \(trial.deadline.spelled)"
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func ask(_ trial: DryRun) async throws -> String? {
        let words = sandbox?(trial) ?? [trial.executable] + trial.arguments
        let environment = sandbox == nil ? trial.environment : ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [.send(signal: .kill, allowedDurationToNextStep: .milliseconds(100))]
        do {
            let result = try await Subprocess.run(
                .path(FilePath(words[0])), arguments: Arguments(Array(words.dropFirst())),
                environment: .custom(
                    environment.reduce(into: [:]) { $0[Environment.Key(stringLiteral: $1.key)] = $1.value }),
                workingDirectory: "/", platformOptions: options, input: .none, output: .discarded,
                error: .string(limit: Self.longestOutput))
            guard !result.terminationStatus.isSuccess else { return nil }
            return Self.words(result.standardError, result.terminationStatus)
        } catch let error as SubprocessError {
            return "it can't be run: \(error)"
        }
    }

    private static func words(_ errors: String, _ status: TerminationStatus) -> String {
        let lines = errors.split(whereSeparator: \.isNewline).map { line in
            String(line.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(lineLimit))
        }.filter { !$0.isEmpty }
        // Some say what is wrong and then explain all their options; others show where they were and say it last.
        let shown = lines.count <= 4 ? lines : Array(lines.prefix(2)) + ["..."] + Array(lines.suffix(2))
        let said = shown.joined(separator: "; ")
        let end =
            switch status {
            case .exited(let code): "exit \(code)"
            case .signaled(let signal): "killed by signal \(signal)"
            }
        return said.isEmpty ? "\(end), and no word on standard error" : "\(said) (\(end))"
    }
}
