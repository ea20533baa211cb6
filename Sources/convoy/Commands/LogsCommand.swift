import ArgumentParser
import Console
import Fleet
import Foundation
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

    @Argument(help: "Pool, instance, or one of gate, edge, supervisor, refresher.")
    var names: [String] = []

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("-n must be 0 or more") }
    }

    func run() async throws {
        let workplace = Workplace(file: file, root: root.root)
        let now = Date().timeIntervalSince1970
        let start = try since.map { try LogTime.since($0, now: now, localOffset: Self.localOffset) }
        let query = LogReading.Query(
            selection: LogSelection(names), since: start, last: lines ?? (start == nil ? 100 : nil))
        let reading = try await LogReading.here(workplace, query, localOffset: Self.localOffset)
        OutputPipe.begin()
        let printer = LogPrinter(text: LogEntryText(isJSON: output.json))
        let (entries, cursors) = try await reading.history(mayBeEmpty: follow)
        guard try await printer.show(entries), follow else { return }
        try await reading.follow(cursors, entries, began: now, printer)
    }

    private static let localOffset: LogTime.LocalOffset = { time in
        Double(TimeZone.current.secondsFromGMT(for: Date(timeIntervalSince1970: time)))
    }
}

struct JSONLinesOption: ParsableArguments {
    @Flag(help: "Print one JSON object for each line.")
    var json = false
}

/// Lines of several sources, one write after the other.
actor LogPrinter {
    private var text: LogEntryText

    init(text: LogEntryText) { self.text = text }

    /// False when nobody reads any more.
    func show(_ entries: [LogEntry]) throws -> Bool {
        guard !entries.isEmpty else { return !OutputPipe.isClosed }
        return OutputPipe.write(try text.text(entries))
    }
}
