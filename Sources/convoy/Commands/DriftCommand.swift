import ArgumentParser
import Console
import Control
import Fleet
import Operations
import Supervision

struct Drift: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare what Convoy made with what is there: files, processes, users, ports.",
        discussion: """
            Finds other bytes and modes, packages that a release never had, other programs, arguments and \
            names in environments, database users and roles, listeners, and what is left of generations that \
            are gone. Each difference says who could have made it. Nothing is changed without --heal, which \
            puts right what is safe: it restarts nothing and moves no traffic.

            Exit 0 without a difference, 2 with any, 69 when something could not be looked at.

              convoy drift --root ./.convoy
              convoy drift --heal
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Flag(help: "Put right what is safe; the rest says what to do by hand.")
    var heal = false

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let lock = heal ? try workplace.lockOperations() : nil
        defer { withExtendedLifetime(lock) {} }
        let convoy = try workplace.fleetOperator(context, progress: progress)
        let control = ControlClient(socket: workplace.layout.controlSocket)
        let surveyor = PosixSurveyor()
        let report =
            heal
            ? try await convoy.heal(control, surveyor: surveyor, version: Convoy.version)
            : try await convoy.drift(control, surveyor: surveyor, version: Convoy.version)
        Terminal.print(output.json ? try StableJSON.text(report) : DriftText(report).text)
        if !report.findings.isEmpty { throw ExitCode(Failure.Code.differencesFound.rawValue) }
        if !report.unseen.isEmpty { throw ExitCode(Failure.Code.unavailable.rawValue) }
    }
}
