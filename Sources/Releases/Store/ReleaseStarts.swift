import Fleet
import Glibc

/// How commands of installed releases start. Nothing is written at run time, and nothing of the
/// host's own Python packages is seen.
struct ReleaseStarts: Sendable {
    let python: String
    /// Nil: of a Debian that is elsewhere.
    let searchPath: String?

    func command(_ name: String, card: ReleaseCard, release: String) throws -> ReleaseCommand {
        switch card.commands[name] {
        case .entryPoint:
            return Self.entryPoint(name, python: python, release: release)
        case .program(let path):
            return ReleaseCommand(executable: release + "/tree/" + path, arguments: [], environment: [:])
        case nil:
            guard card.reference.kind == .path else { throw unknown(name, card) }
            return try program(name, card: card, release: release)
        }
    }

    private func program(_ name: String, card: ReleaseCard, release: String) throws -> ReleaseCommand {
        let path = release + "/tree/" + name
        var status = stat()
        guard LinkTarget.stays(below: "x", target: name), stat(path, &status) == 0,
            status.st_mode & S_IFMT == S_IFREG
        else { throw unknown(name, card) }
        if name.hasSuffix(".py") { return Self.script(path, python: python, release: release) }
        if name.hasSuffix(".js") || name.hasSuffix(".mjs") || name.hasSuffix(".cjs") {
            return ReleaseCommand(executable: try node(), arguments: [path], environment: [:])
        }
        guard status.st_mode & S_IXUSR != 0 else {
            throw Failure(
                .badSpec, "cannot start \(name) of \(card.reference)", because: "the file is not executable",
                next: "run `chmod +x` on it in the release's directory")
        }
        return ReleaseCommand(executable: path, arguments: [], environment: [:])
    }

    static func entryPoint(_ name: String, python: String, release: String) -> ReleaseCommand {
        ReleaseCommand(
            executable: python, arguments: ["-I", "-S"] + cached(release) + [release + "/launch.py", name],
            environment: environment)
    }

    /// Without -I: a script in a directory of its own imports its neighbours.
    static func script(_ path: String, python: String, release: String) -> ReleaseCommand {
        ReleaseCommand(
            executable: python, arguments: ["-E", "-s"] + cached(release) + [path], environment: environment)
    }

    private static let environment = ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"]

    private static func cached(_ release: String) -> [String] {
        ["-B", "-u", "-X", "pycache_prefix=\(release)/pycache"]
    }

    private func node() throws -> String {
        guard let searchPath else { return DebianPrograms.node }
        for directory in searchPath.split(separator: ":") {
            let path = "\(directory)/node"
            if access(path, X_OK) == 0 { return path }
        }
        throw Failure(
            .unavailable, "cannot start a JavaScript server", because: "there is no node in \(searchPath)",
            next: "install Node.js (Debian: apt-get install nodejs)")
    }

    private func unknown(_ name: String, _ card: ReleaseCard) -> Failure {
        let known = card.commands.keys.sorted().joined(separator: ", ")
        return Failure(
            .badSpec, "cannot start \(name) of \(card.reference)",
            because: known.isEmpty ? "it has no such file" : "it has no such command, only \(known)",
            next: "correct the command in the profile")
    }
}
