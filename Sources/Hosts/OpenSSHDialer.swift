import Fleet
import Ports

/// Hosts by the system's OpenSSH client.
package struct OpenSSHDialer: HostDialer {
    private let settings: SSHSettings

    package init(_ settings: SSHSettings) { self.settings = settings }

    /// Nothing is sent before the first command, which then tells what is wrong with the way.
    package func dial(_ host: HostSpec) async throws -> any HostLink { link(to: host) }

    /// The same: it costs nothing yet.
    package func link(to host: HostSpec) -> any HostLink { OpenSSHLink(host, settings) }
}

/// One host over one connection: OpenSSH keeps it for whoever comes within ten seconds, so that no command but
/// the first logs in, and nothing is left for long by who was killed.
struct OpenSSHLink: HostLink {
    private let host: HostSpec
    private let settings: SSHSettings

    init(_ host: HostSpec, _ settings: SSHSettings) {
        self.host = host
        self.settings = settings
    }

    func run(
        _ command: HostCommand, onLine: @escaping @Sendable (String) -> Void
    ) async throws -> HostAnswer {
        let line = ShellWords.line(Self.asRoot + command.words)
        let words = settings.options(isFreshLogin: command.isFreshLogin)
        let answer: HostAnswer
        do {
            answer = try await LocalProgram(settings.program).run(
                words + ["--", SSHSettings.destination(host), line], input: command.input, onLine: onLine)
        } catch let failure as Failure {
            throw LinkFault(.missingProgram, failure)
        }
        if let fault = SSHDiagnosis(host).fault(answer) { throw fault }
        return answer
    }

    func close() async {
        let words = settings.options(isFreshLogin: false) + ["-O", "exit", "--", SSHSettings.destination(host)]
        _ = try? await LocalProgram(settings.program).run(words, input: .nothing) { _ in }
    }

    /// Who is not root there must be allowed to become it without being asked.
    private static let asRoot = [
        "sh", "-c", #"if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo -n -- "$@"; fi"#, "sh",
    ]
}
