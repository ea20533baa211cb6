import ArgumentParser
import Console
import Fleet
import Foundation
import Ledger
import MongoDB
import Operations
import Planning
import Ports
import Supervision

extension LedgerPlace: ExpressibleByArgument {}

struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Show where the fleet's ledger is, or move it.",
        discussion: """
            The ledger holds who changed what, who may change the fleet now, and how far a rollout has come. It \
            is a file under the root, or, for operators on several machines, the database convoy_ledger:

              ledger: {file: secrets/ledger-uri}   # in fleet.yaml
              convoy ledger user                   # makes that file, and a user of its own
              convoy ledger move --to mongodb      # takes all of it there
              convoy ledger show

            Without the ledger a fleet runs on and heals; only changes wait.
            """,
        subcommands: [LedgerShow.self, LedgerMoveCommand.self, LedgerUserCommand.self, LedgerReadersCommand.self])
}

struct LedgerShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Tell where the ledger is, and what it holds.",
        discussion: "Exit 69 when its database is away.")

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let report = try await LedgerReport.of(Workplace(fleet), changed: false)
        Terminal.print(output.json ? try StableJSON.text(report) : report.text)
    }
}

struct LedgerMoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Take the ledger to the database, or back into a file; all of it, or nothing.",
        discussion: """
            Under the lease: copies record, audit, journals and the count of leases, reads them back, then marks \
            the old one, so that nobody writes there any more. Nothing that serves is touched. Cut anywhere, run \
            it again.

            To the database: name the file of its user in fleet.yaml first (`ledger: {file: PATH}`); the user is \
            made where an administrator is known. Back: remove `ledger` from fleet.yaml afterwards.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Option(help: "Where to: mongodb or file.")
    var to: LedgerPlace

    @Option(help: "A file (mode 0600) with an administrator's connection string; by default fleet.yaml's.")
    var admin: String?

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let transfer = LedgerTransfer(workplace: workplace, context: context, isQuiet: output.json)
        let changed = try await transfer.run(to: to, adminFile: admin.map(Workplace.absolute) ?? context.adminFile)
        let report = try await LedgerReport.of(workplace, changed: changed, at: to)
        guard !output.json else { return Terminal.print(try StableJSON.text(report)) }
        let isNamed = context.spec.ledger != nil
        let note = to == .file && isNamed ? "remove `ledger` from fleet.yaml now: other commands wait for that\n" : ""
        Terminal.print((changed ? "" : "it was there already\n") + report.text + note)
    }
}

struct LedgerUserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Make the ledger's database user, with rights on the ledger alone.",
        discussion: """
            The user convoy-ledger-FLEET gets the role readWrite on the database convoy_ledger and no other, and \
            a new password; its connection string goes into the file that fleet.yaml names (`ledger: {file: \
            PATH}`), mode 0600. Nothing happens when that file works. Needs an administrator.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Option(help: "A file (mode 0600) with an administrator's connection string; by default fleet.yaml's.")
    var admin: String?

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let user = try LedgerTransfer.user(workplace, context, admin.map(Workplace.absolute) ?? context.adminFile)
        let change = try await user.ensure()
        let document = Document(fleet: context.spec.name, user: user.name, file: user.file, change: change)
        Terminal.print(
            output.json
                ? try StableJSON.text(document) : "\(user.name): \(change.rawValue), in \(user.file)\n")
    }

    private struct Document: Encodable {
        var fleet: String
        var user: String
        var file: String
        var change: UserChange
    }
}

struct LedgerReadersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readers",
        abstract: "Let each host read the ledger by a user of its own.",
        discussion: """
            By it a host that was away finds out by itself, within seconds, that the fleet went on without it, \
            and serves nobody. `convoy up` and `convoy bootstrap` do this where fleet.yaml names an \
            administrator. A host that has one that works keeps it.
            """)

    @OptionGroup var fleet: FleetOptions

    @Option(help: "A file (mode 0600) with an administrator's connection string; by default fleet.yaml's.")
    var admin: String?

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: false)
        let names = try await workplace.underLease("ledger readers") { lease in
            try await LedgerReader(
                workplace: workplace, context: context, progress: progress, adminFile: admin.map(Workplace.absolute)
            ).ensure(under: lease)
        }
        progress.endDetail()
        let words = names.isEmpty ? "nothing to do" : names.joined(separator: ", ")
        Terminal.print("\(context.spec.name): \(words)\n")
    }
}
