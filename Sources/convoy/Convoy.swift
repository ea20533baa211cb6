import ArgumentParser
import Console
import Fleet

@main
struct Convoy: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "convoy",
        abstract: "Runs fleets of MCP servers the way a convoy sails: same version, read-only, under escort.",
        discussion: """
            One fleet.yaml describes the fleet: which server, which databases, who may come in. A first \
            fleet on this machine:

              convoy init                    # write a commented fleet.yaml
              convoy validate                # all problems at once, with line and column
              convoy plan                    # what `up` would do
              convoy up --root ./.convoy     # start, prove, open the edge
              convoy status --root ./.convoy

            Every verb can be run again safely. Exit codes: 0 done; 1 failed; 2 differences found; \
            64 usage; 65 bad spec; 69 something needed is unavailable; 70 a revert failed; 75 somebody \
            else is at work.
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(name: "Describe:", subcommands: [Init.self, Validate.self, Plan.self, Render.self]),
            CommandGroup(
                name: "Sail:", subcommands: [Up.self, Rollout.self, Resume.self, Rollback.self, Users.self, Down.self]),
            CommandGroup(
                name: "Look:",
                subcommands: [
                    Status.self, Drift.self, LeaseCommand.self, LedgerCommand.self, Verify.self, Logs.self, Doctor.self,
                ]),
            CommandGroup(
                name: "Hosts:",
                subcommands: [
                    Bootstrap.self, Cordon.self, Drain.self, Uncordon.self, Remove.self, Replace.self,
                    SelfUpdate.self, HostVerb.self,
                ]),
            CommandGroup(name: "Tools:", subcommands: [Token.self, Releases.self]),
            CommandGroup(
                name: "Daemons:", subcommands: [Supervise.self, GateCommand.self, RefresherCommand.self, Include.self]),
        ])

    /// Errors in our own words and with the design's exit codes; argument errors in the parser's.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            Terminal.printError("convoy: \(failure)\n")
            exit(withError: ExitCode(failure.code.rawValue))
        } catch let error as SpecError {
            Terminal.printError("\(error)\n")
            exit(withError: ExitCode(Failure.Code.badSpec.rawValue))
        } catch {
            exit(withError: error)
        }
    }
}
