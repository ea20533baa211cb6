import ArgumentParser
import Issuers

struct RefresherCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresher",
        abstract: "The process that fetches issuers' keys and asks them about opaque tokens.",
        discussion: """
            Started by the supervisor with a listening socket (LISTEN_FDS). It alone reaches issuers; \
            the gate asks it over that socket. HUP reads the plan again.
            """)

    @Option(help: "The plan file.")
    var plan: String

    @Option(help: "Listen on this unix socket instead of an inherited one.")
    var socket: String?

    func run() async throws {
        try await RefresherServer.run(
            planFile: plan, listener: socket.map { .path($0) },
            world: RefresherWorld(time: SystemTime(), log: { DaemonLog.write($0) }))
    }
}
