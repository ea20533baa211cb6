import ArgumentParser
import Console
import Operations

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

    func run() async throws {
        OutputPipe.begin()
        let handler = HostHandler()
        let desk = HostDesk(convoy: Convoy.version) { line in
            // Nobody reads any more: what is under way goes to its end all the same.
            _ = OutputPipe.write(line + "\n")
        } handler: { request, progress in
            try await handler.handle(request, progress)
        }
        try await desk.serve(InputLines())
    }
}
