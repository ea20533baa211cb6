import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Supervision
import Templates

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a commented fleet.yaml to start from.",
        discussion: "Refuses to overwrite a file that is there.")

    @Option(name: .shortAndLong, help: "Where to write it.")
    var file = "fleet.yaml"

    func run() async throws {
        let path = Workplace.absolute(file)
        guard try PosixFiles().read(path) == nil else {
            throw Failure(
                .failed, "cannot write \(file)", because: "it exists already",
                next: "name another with --file, or move it away")
        }
        try PosixFiles().write(path, Templates.all["spec/fleet.yaml"] ?? "", mode: 0o644)
        Terminal.print("wrote \(file)\n  next: fill it in, then `convoy validate`\n")
    }
}

struct Validate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check fleet.yaml and report all problems at once.",
        discussion: "One line per problem: FILE:LINE:COLUMN: error: PATH: WHAT: WHAT TO DO. Exit 65 when there are any."
    )

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    private struct Document: Codable {
        var valid: Bool
        var diagnostics: [Diagnostic]
    }

    func run() async throws {
        let workplace = Workplace(fleet)
        do {
            let spec = try SpecFile(path: fleet.file, workplace: workplace).load().spec
            guard !output.json else {
                return Terminal.print(try StableJSON.text(Document(valid: true, diagnostics: [])))
            }
            let instances = spec.pools.reduce(0) { $0 + $1.replicas }
            Terminal.print(
                "\(fleet.file): valid: fleet \(spec.name), \(spec.pools.count) pool(s), \(instances) instance(s) of "
                    + "\(spec.server.release)\n")
            if let note = ResourcesNote.text(spec, try workplace.host().backend) { Terminal.printError(note + "\n") }
        } catch let error as SpecError where output.json {
            Terminal.print(try StableJSON.text(Document(valid: false, diagnostics: error.diagnostics)))
            throw ExitCode(Failure.Code.badSpec.rawValue)
        }
    }
}

struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what `up` would do, and do nothing.", discussion: "Exit 2 when there is something to do.")

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let plan = try await workplace.fleetOperator(context, progress: progress).plan()
        Terminal.print(output.json ? try StableJSON.text(plan) : ChangePlanText(plan).text)
        if !plan.changes.isEmpty { throw ExitCode(Failure.Code.differencesFound.rawValue) }
    }
}
