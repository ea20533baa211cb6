import ArgumentParser
import Fleet

struct Include: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change an nginx that is not Convoy's, as the supervisor has ordered.",
        discussion: """
            What convoy-include.service runs, on hosts with systemd whose fleet has edge.mode: include: puts the \
            fleet's file into that nginx and has it read, or takes it away.
            """, shouldDisplay: false)

    @OptionGroup var root: RootOption

    func run() async throws {
        try await IncludeHelper(layout: FleetLayout(root: Workplace.absolute(root.root))).carryOut()
    }
}
