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

            Over several hosts each looks at itself; the database and fleet.yaml are looked at from here. Of a \
            host that does not answer only that is told.

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
        let look = { (lease: HeldLease?) in
            if context.spec.spansHosts {
                let hosts = try FleetHosts(context.spec.hosts)
                let looks = hosts.looks(workplace.layout, under: lease?.fence, progress: progress)
                let convoy = try workplace.fleetOperator(context, progress: progress, under: lease, over: hosts)
                return lease == nil
                    ? try await convoy.drift(on: looks, version: Convoy.version)
                    : try await convoy.heal(on: looks, version: Convoy.version)
            }
            let convoy = try workplace.fleetOperator(context, progress: progress, under: lease)
            let control = ControlClient(socket: workplace.layout.controlSocket, fence: lease?.fence)
            return lease == nil
                ? try await convoy.drift(control, surveyor: PosixSurveyor(), version: Convoy.version)
                : try await convoy.heal(control, surveyor: PosixSurveyor(), version: Convoy.version)
        }
        let report = heal ? try await workplace.underLease("drift --heal", look) : try await look(nil)
        progress.endDetail()
        Terminal.print(output.json ? try StableJSON.text(report) : DriftText(report).text)
        if !report.findings.isEmpty { throw ExitCode(Failure.Code.differencesFound.rawValue) }
        if !report.unseen.isEmpty { throw ExitCode(Failure.Code.unavailable.rawValue) }
    }
}
