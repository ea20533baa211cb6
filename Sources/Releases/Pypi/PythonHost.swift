import Fleet
import Glibc
import Subprocess

/// The host's Python and a pip for it.
struct PythonHost: Sendable {
    let python: String
    /// Where Convoy makes its own pip when the host's Python has none.
    let tools: String
    let environment: [String: String]

    struct Outcome {
        var succeeded: Bool
        var output: String
        var errors: String
    }

    /// Such as `cp311-linux_x86_64`.
    func tag() async throws -> String {
        let outcome = try await run(python, ["-I", "-c", PythonScripts.tag], environment: [:])
        guard outcome.succeeded, let tag = outcome.output.split(whereSeparator: \.isNewline).first else {
            throw Failure(
                .unavailable, "cannot use \(python)", because: PipDiagnosis.trimmed(outcome.errors),
                next: "install Python 3 (Debian: apt-get install python3)")
        }
        return String(tag)
    }

    /// What runs pip, as executable and leading arguments.
    func pip() async throws -> (executable: String, arguments: [String]) {
        let arguments = ["-I", "-m", "pip"]
        let check = arguments + ["--version"]
        if try await run(python, check, environment: PipEnvironment.offline(environment)).succeeded {
            return (python, arguments)
        }
        let own = tools + "/pip/bin/python"
        if Posix.fingerprint(own) == nil {
            let staged = tools + "/pip.\(getpid())"
            try Posix.makeDirectory(tools)
            let outcome = try await run(python, ["-I", "-m", "venv", staged], environment: ["PATH": "/usr/bin:/bin"])
            guard outcome.succeeded else {
                try? Posix.removeTree(staged)
                let words = PipDiagnosis.trimmed(outcome.output + outcome.errors)
                throw Failure(
                    .unavailable, "cannot install Python packages",
                    because: "\(python) has neither pip nor venv: \(words)",
                    next: "install them (Debian: apt-get install python3-pip, or python3-venv)")
            }
            try Posix.move(staged, to: tools + "/pip")
        }
        return (own, arguments)
    }

    /// Compiles `staged/tree` into `staged/pycache`, for the place where it will be.
    func compile(_ staged: String, as final: String, required: Bool) async throws {
        let script = staged + ".compile.py"
        try Posix.write(script, Array(PythonScripts.compiler.utf8), mode: 0o600)
        defer { unlink(script) }
        let arguments = ["-I", "-S", "-B", script, staged + "/tree", final + "/tree", staged + "/pycache"]
        do {
            let outcome = try await run(python, arguments, environment: ["LC_ALL": "C.UTF-8"])
            guard outcome.succeeded else { throw PipDiagnosis.failure("cannot compile the release", outcome.errors) }
        } catch  where !required {
            // A directory that happens to hold Python files may run without any.
            try? Posix.removeTree(staged + "/pycache")
        }
    }

    func run(_ executable: String, _ arguments: [String], environment: [String: String]) async throws -> Outcome {
        let entries = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        do {
            let result = try await Subprocess.run(
                .path(.init(executable)), arguments: Arguments(arguments),
                environment: .custom(Dictionary(uniqueKeysWithValues: entries)),
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
            return Outcome(
                succeeded: result.terminationStatus.isSuccess, output: result.standardOutput,
                errors: result.standardError)
        } catch let error as SubprocessError {
            throw Failure(
                .unavailable, "cannot run \(executable)", because: PipDiagnosis.redacted("\(error)"),
                next: "check that it is installed and works")
        }
    }
}
