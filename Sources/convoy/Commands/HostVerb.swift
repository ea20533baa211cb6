import ArgumentParser
import Console
import Control
import Fleet
import Operations
import Synchronization

/// The other end of `convoy bootstrap`.
struct HostVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Answer a convoy on another machine, over standard input and output.",
        discussion: """
            `convoy bootstrap` runs it over ssh. One JSON object a line: a hello with protocol and version, then \
            requests; each is answered by words on the way and one end. Of another version than the asker's it \
            says so, and ends.
            """, shouldDisplay: false)

    @Argument(help: "`control`: speak with the supervisor there, any number of requests at once.")
    var what: What?

    enum What: String, ExpressibleByArgument { case control }

    func run() async throws {
        OutputPipe.begin()
        guard what == nil else { return try await control() }
        let handler = HostHandler()
        let desk = HostDesk(convoy: Convoy.version) { line in
            // Nobody reads any more: what is under way goes to its end all the same.
            _ = OutputPipe.write(line + "\n")
        } handler: { request, progress in
            try await handler.handle(request, progress)
        }
        try await desk.serve(InputLines())
    }

    private func control() async throws {
        let turn = Mutex(())
        let desk = ControlDesk(convoy: Convoy.version, socket: FleetLayout(root: "/").controlSocket) { line in
            // Answers come from many tasks: each line is written as one.
            turn.withLock { _ in _ = OutputPipe.write(line + "\n") }
        }
        try await desk.serve(InputLines())
    }
}
