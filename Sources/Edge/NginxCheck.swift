import Fleet
import Ports
import Subprocess
import SystemPackage

/// Asks the real nginx whether it would take a configuration.
struct NginxCheck {
    let executable: String
    /// Nil: the one that nginx was built with.
    let prefix: String?
    let runAs: ProcessPlan.UserAndGroup?

    /// Throws a `Failure` with nginx's own words.
    func check(_ configuration: String) async throws {
        var options = PlatformOptions()
        options.userID = runAs?.user
        options.groupID = runAs?.group
        let result = try await run(
            .path(FilePath(executable)),
            arguments: Arguments(
                ["-t", "-q", "-c", configuration, "-e", "stderr"] + (prefix.map { ["-p", $0] } ?? [])),
            environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]), platformOptions: options,
            output: .discarded, error: .string(limit: 64 * 1024))
        guard !result.terminationStatus.isSuccess else { return }
        let words = result.standardError.split(separator: "\n").map(String.init)
        throw Failure(
            .failed, "cannot install the edge's configuration",
            because: words.isEmpty ? "nginx -t failed and said nothing" : words.joined(separator: "; "),
            next: "the configuration that was there is untouched; correct what nginx complains about, then run again")
    }
}
