import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Planning

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print logs of instances, edge, gate, supervisor and refresher, by time.",
        discussion: """
            From the journal on hosts where systemd runs the fleet, else from its files; one line looks alike \
            on both: time (UTC), who wrote it, and what. Without a name: all of them. What a line was written \
            without a time has the time of the line before it. Credentials are blotted out.

              convoy logs analytics                 # every instance of a pool, of whichever generation
              convoy logs -f analytics-1-g3 gate
              convoy logs --since 30m edge supervisor

            Of a fleet over several hosts: of all of them at the same time, by their own clocks, with the \
            host's name in each line. A host that does not answer is told once on standard error, and the \
            others go on; exit 69 then. With -f it is asked again until it is back.

              convoy logs --host web-2 gate
            """)

    @OptionGroup var root: RootOption
    @OptionGroup var output: JSONLinesOption

    @Flag(name: [.customShort("f"), .long], help: "Go on with lines as they are written.")
    var follow = false

    /// Without its short name: -f is to follow, as everywhere.
    @Option(help: "The fleet's file, for its name, before the fleet was ever up.")
    var file = "fleet.yaml"

    @Option(help: "From this time on: 30m (ago), 18:31, 2026-11-21, 2026-11-21T18:31:59Z.")
    var since: String?

    @Option(
        name: [.customShort("n"), .long],
        help: "How many of the last lines, of all logs together; 100, with --since all.")
    var lines: Int?

    @Option(
        name: .customLong("host"), help: "Only this host of a fleet over several. May be repeated.")
    var hosts: [String] = []

    @Argument(help: "Pool, instance, or one of gate, edge, supervisor, refresher.")
    var names: [String] = []

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("-n must be 0 or more") }
    }

    func run() async throws {
        let workplace = Workplace(file: file, root: root.root)
        let now = Date().timeIntervalSince1970
        let start = try since.map { try LogTime.since($0, now: now, localOffset: LogReading.localOffset) }
        let query = LogReading.Query(
            selection: LogSelection(names), since: start, last: lines ?? (start == nil ? 100 : nil))
        OutputPipe.begin()
        let printer = LogPrinter(text: LogEntryText(isJSON: output.json))
        if let hosts = try chosenHosts(workplace) { return try await tell(hosts, query, printer) }
        let reading = try await LogReading.here(workplace, query)
        // Whose name is wrong is told before anything is shown, where that can be known.
        let early = LogQueue()
        let sink: any LogSink = query.last == nil ? printer : early
        guard let history = try await reading.history(mayBeEmpty: follow, sink) else { return }
        if !follow { try reading.check(history.known) }
        guard try await printer.show(await early.all()), follow else { return }
        try await reading.follow(history, began: now, printer)
    }

    /// Nil: this machine's own logs.
    private func chosenHosts(_ workplace: Workplace) throws -> [HostSpec]? {
        guard let context = try? workplace.context(), context.spec.spansHosts else {
            guard hosts.isEmpty else {
                throw Failure(
                    .usage, "cannot choose hosts", because: "\(file) names fewer than two",
                    next: "leave out --host: these are this machine's logs")
            }
            return nil
        }
        return try context.spec.hosts(named: hosts)
    }

    private func tell(_ hosts: [HostSpec], _ query: LogReading.Query, _ printer: LogPrinter) async throws {
        let fleet = try FleetHosts(hosts)
        let question = LogQuestion(
            host: "", names: query.selection.names, since: query.since, last: query.last, follows: follow)
        let logs = FleetLogs(fleet.logs(), question: question, time: SystemTime())
        let outcome = try await logs.run(
            FleetLogs.Voice(show: { try await printer.show($0) }, say: { Terminal.printError("convoy: \($0)\n") }))
        withExtendedLifetime(fleet) {}
        if outcome.missing.count == hosts.count {
            throw Failure(
                .unavailable, "cannot show logs", because: "no host answers",
                next: "see to the hosts and the way there, then run it again")
        }
        if !outcome.missing.isEmpty { throw ExitCode(Failure.Code.unavailable.rawValue) }
        if !follow, !query.selection.unknown(among: Array(outcome.known)).isEmpty {
            throw LogReading.unknown(query.selection, outcome.known)
        }
    }
}

struct JSONLinesOption: ParsableArguments {
    @Flag(help: "Print one JSON object for each line.")
    var json = false
}

/// Where lines of logs go.
protocol LogSink: Sendable {
    /// False when nobody reads any more.
    func show(_ entries: [LogEntry]) async throws -> Bool
}

/// Lines of several sources, one write after the other.
actor LogPrinter: LogSink {
    private var text: LogEntryText

    init(text: LogEntryText) { self.text = text }

    func show(_ entries: [LogEntry]) throws -> Bool {
        guard !entries.isEmpty else { return !OutputPipe.isClosed }
        return OutputPipe.write(try text.text(entries))
    }
}
