import Fleet
import Foundation
import Ports
import Subprocess
import SystemPackage

/// Asks the real nginx whether it would take a configuration.
struct NginxCheck {
    let executable: String
    /// Nil: the one that nginx was built with.
    let prefix: String?
    let runAs: ProcessPlan.UserAndGroup?

    /// The whole of a configuration that is somebody else's; a large one has a few hundred KiB.
    private static let longest = 16 << 20

    /// Throws a `Failure` with nginx's own words.
    func check(_ configuration: String) async throws {
        _ = try await ask(configuration, "-t", keeping: 0)
    }

    /// And whether nginx reads this file with it.
    func check(_ configuration: String, includes file: String) async throws {
        let all = try await ask(configuration, "-T", keeping: Self.longest)
        let beginning = "# configuration file "
        let read = all.split(separator: "\n").filter { $0.hasPrefix(beginning) && $0.hasSuffix(":") }
            .map { String($0.dropFirst(beginning.count).dropLast()) }
        let wanted = URL(fileURLWithPath: file).standardizedFileURL
        guard !read.contains(where: { URL(fileURLWithPath: $0).standardizedFileURL == wanted }) else { return }
        throw Failure(
            .failed, "cannot install the edge's configuration",
            because: "the nginx of \(configuration) does not read \(file)",
            next: "name a file in edge/include that it does: see the `include` lines in its http block")
    }

    /// nginx tries its ports, of which some are for the privileged only: as that user, but with this one right.
    private var disguise: [String] {
        guard let runAs else { return [] }
        return [
            "/usr/bin/setpriv", "--reuid=\(runAs.user)", "--regid=\(runAs.group)", "--clear-groups",
            "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", "--",
        ]
    }

    private func ask(_ configuration: String, _ question: String, keeping limit: Int) async throws -> String {
        let program = [executable, question, "-q", "-c", configuration, "-e", "stderr"]
        let command = disguise + program + (prefix.map { ["-p", $0] } ?? [])
        let result = try await run(
            .path(FilePath(command[0])), arguments: Arguments(Array(command.dropFirst())),
            environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]),
            output: .string(limit: max(limit, 1024)), error: .string(limit: 64 * 1024))
        if result.terminationStatus.isSuccess { return result.standardOutput }
        let words = result.standardError.split(separator: "\n").map(String.init)
        throw Failure(
            .failed, "cannot install the edge's configuration",
            because: words.isEmpty ? "nginx -t failed and said nothing" : words.joined(separator: "; "),
            next: "the configuration that was there is untouched; correct what nginx complains about, then run again")
    }
}
