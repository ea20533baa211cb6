import Fleet
import Ports

/// This machine, as a host like any other: commands run here, as root as this process is.
package struct LocalDialer: HostDialer {
    package init() {}

    package func dial(_ host: HostSpec) async throws -> any HostLink { LocalLink() }
}

struct LocalLink: HostLink {
    func run(
        _ command: HostCommand, onLine: @escaping @Sendable (String) -> Void
    ) async throws -> HostAnswer {
        // By env, which answers 127 for what is not there, as the shell at the end of an ssh does.
        try await LocalProgram("/usr/bin/env").run(["--"] + command.words, input: command.input, onLine: onLine)
    }

    func close() async {}
}
