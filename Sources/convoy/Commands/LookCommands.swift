import ArgumentParser
import Console
import Control
import Fleet
import Foundation
import Operations
import Supervision

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show every instance: state, proof, version, port, pid.",
        discussion:
            "Asks the supervisor of this root, or of every host that fleet.yaml names, if several. Exit 69 when none answers; `convoy up` starts one, which adopts what still runs."
    )

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        if let context = try? workplace.context(), context.spec.spansHosts {
            let silence = TerminalProgress(terminal: workplace.terminal, isQuiet: true)
            return try show(try await workplace.fleetOperator(context, progress: silence).status(), workplace)
        }
        let control = ControlClient(socket: workplace.layout.controlSocket)
        do {
            let status = try await control.status(newerThan: nil, timeout: 0).status
            await control.close()
            try show(status, workplace)
        } catch {
            await control.close()
            throw error
        }
    }

    private func show(_ status: FleetStatus, _ workplace: Workplace) throws {
        let text = StatusText(status, terminal: workplace.terminal).text
        Terminal.print(output.json ? try StableJSON.text(status) : text)
    }
}

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check that this machine has what a fleet needs.",
        discussion: "Exit 2 when something is missing; each line says what to do.")

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let findings = await Examination(workplace: Workplace(fleet)).findings()
        if output.json {
            Terminal.print(try StableJSON.text(findings))
        } else {
            var table = Table("", "WHAT", "FOUND")
            for finding in findings {
                table.add(
                    finding.ok ? "ok" : "!!", finding.what, finding.found + (finding.ok ? "" : ": " + finding.next))
            }
            Terminal.print(table.text(width: nil))
        }
        if findings.contains(where: { !$0.ok }) { throw ExitCode(Failure.Code.differencesFound.rawValue) }
    }
}
