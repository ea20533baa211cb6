import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Ports

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the fleet what fleet.yaml says.",
        discussion: """
            Resolves and fetches the release, gives each instance its read-only database user, starts \
            and proves all instances, then opens the edge. Changed settings come up as a new generation \
            beside the old one, as in a rollout. Run twice, it changes nothing.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var breaking: BreakingOption

    @Option(
        help: "Who runs the processes: systemd (root on a host with Convoy's package) or direct; kept until changed.")
    var backend: Backend?

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let result = try await workplace.underLease("up") { lease in
            let isHere = !context.spec.spansHosts
            if let backend { try await workplace.host().choose(backend) }
            if isHere, let note = ResourcesNote.text(context.spec, try workplace.host().backend) { progress.step(note) }
            if isHere { try workplace.host().checkUsers(of: context.spec) }
            let result = try await workplace.fleetOperator(
                context, progress: progress, under: lease, acceptsBreaking: breaking.acceptBreaking
            ).up()
            try lease.check()
            if isHere { try await workplace.host().admit(workplace) }
            _ = try await LedgerReader(workplace: workplace, context: context, progress: progress).ensure(under: lease)
            return result
        }
        try SailReport(workplace: workplace, context: context, json: output.json, progress: progress).show(result)
    }
}

struct Rollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Roll the whole fleet to another exact version, all or nothing.",
        discussion: """
            The next generation comes up beside the current one; every instance is verified; then one \
            flip moves all new traffic, and the old generation is drained and stopped. If anything is \
            wrong the next generation goes away and nothing has changed: exit 1 with the reason. On \
            success fleet.yaml is changed to name the new release. Tools that callers would miss are such a \
            reason, too, unless --accept-breaking says that they may (`convoy plan` tells them).

            rollout.strategy in fleet.yaml chooses another way: canary gives some of the new traffic to \
            the next generation first and watches it; rolling replaces instances one part after the \
            other, on hosts without room for two generations: new sessions meet both versions then.

              convoy rollout --to 0.6.2
              convoy rollout --to pypi:documentdb-mcp@0.6.2
              convoy rollout --to 0.6.2 --skip-host web-3     # which is down: it stays behind, and shut
              convoy rollout --watch         # look on, from anywhere, while one is under way

            Cut in the middle (killed, out of power), it goes on with `convoy resume`, or back with \
            `convoy rollback`.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var breaking: BreakingOption

    @Option(help: "The exact version (of the same package), or a whole reference KIND:NAME@VERSION.")
    var to: String?

    @Option(
        help: "Go on without this host, which is away; repeatable. It serves nobody until `convoy up` brings it back.")
    var skipHost: [String] = []

    @Flag(help: "Look on at the rollout that is under way; with --json, one event a line.")
    var watch = false

    @Flag(help: "Print each step on standard output as it is journaled: one JSON event a line.")
    var events = false

    func validate() throws {
        if watch == (to != nil) { throw ValidationError("name a version with --to, or look on with --watch") }
        if watch, !skipHost.isEmpty { throw ValidationError("--skip-host goes with --to") }
        if events, watch || output.json { throw ValidationError("--events goes with --to and without --json") }
    }

    func run() async throws {
        let workplace = Workplace(fleet)
        var context = try workplace.context()
        guard let to else { return try await RolloutWatch(workplace, context, json: output.json).run() }
        context.spec.server.release = try ReleaseTarget.parse(to, like: context.spec.server.release)
        context.skips = Set(skipHost)
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json || events)
        let isTold = events
        let result = try await workplace.underLease("rollout") { [context] lease in
            let operation = try workplace.fleetOperator(
                context, progress: progress, under: lease, acceptsBreaking: breaking.acceptBreaking
            ) { entry in
                if isTold { Terminal.print(RolloutEvent(entry).line) }
            }
            return try await operation.rollout()
        }
        if events { return }
        try SailReport(workplace: workplace, context: context, json: output.json, progress: progress).show(result)
    }
}

struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Go on with a rollout that was cut: killed, out of power, disk full.",
        discussion: """
            Goes on from the step that the journal names, the way it was going: a rollout to its new \
            generation (exit 0), one that was being undone back to the old one (exit 1; 70 when that fails \
            again). Without an open rollout there is nothing to do. `convoy rollback` goes back instead.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var breaking: BreakingOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let report = SailReport(workplace: workplace, context: context, json: output.json, progress: progress)
        let outcome = try await workplace.underLease("resume") { lease in
            try await workplace.fleetOperator(
                context, progress: progress, under: lease, acceptsBreaking: breaking.acceptBreaking
            ).resume()
        }
        switch outcome {
        case .went(let result): try report.show(result)
        case .nothingOpen where output.json: try report.show(.unchanged(corrected: []))
        case .nothingOpen:
            progress.endDetail()
            Terminal.print("\(context.spec.name): no rollout is open; nothing to do\n")
        }
    }
}

struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Go back to the generation that served before, without fetching anything.",
        discussion: """
            A rollout that was cut is taken back: the old generation serves on. Otherwise the generation \
            before comes up and is verified like any other; the current one serves until the flip.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let result = try await workplace.underLease("rollback") { lease in
            try await workplace.fleetOperator(context, progress: progress, under: lease).rollback()
        }
        try SailReport(workplace: workplace, context: context, json: output.json, progress: progress).show(result)
    }
}

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop the fleet: edge, instances, gate, supervisor; remove its database users.",
        discussion: """
            Calls under way may end within rollout/drain. Releases, logs and fleet.lock stay, unless --purge \
            takes them too.
            """)

    @OptionGroup var fleet: FleetOptions

    @Flag(help: "Leave nothing of the fleet on this host: no release, log, unit or rule. fleet.yaml and its lock stay.")
    var purge = false

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: false)
        try await workplace.underLease("down") { lease in
            try await workplace.fleetOperator(context, progress: progress, under: lease).down()
            try lease.check()
            if purge { try await workplace.host().purge() }
        }
        progress.endDetail()
        Terminal.print("\(context.spec.name) is down\n")
    }
}

/// What a verb that changed the fleet says at its end.
struct SailReport {
    let workplace: Workplace
    let context: FleetContext
    let json: Bool
    let progress: TerminalProgress

    private struct Document: Codable {
        var fleet: String
        var changed: Bool
        var generation: Int?
        var versionBefore: String?
        var versionAfter: String?
        var correctedUsers: [String]
        var url: String
        var drained: DrainReport?

        /// Every key is always there, null where there is nothing to say.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(fleet, forKey: .fleet)
            try container.encode(changed, forKey: .changed)
            try container.encode(generation, forKey: .generation)
            try container.encode(versionBefore, forKey: .versionBefore)
            try container.encode(versionAfter, forKey: .versionAfter)
            try container.encode(correctedUsers, forKey: .correctedUsers)
            try container.encode(url, forKey: .url)
            try container.encode(drained, forKey: .drained)
        }
    }

    func show(_ result: FleetOperator.Result) throws {
        progress.endDetail()
        Terminal.print(json ? try StableJSON.text(document(result)) : text(result))
    }

    private func text(_ result: FleetOperator.Result) -> String {
        switch result {
        case .unchanged(let corrected) where corrected.isEmpty:
            return "\(context.spec.name): nothing to do; it serves at \(context.spec.edge.url)\n"
        case .unchanged(let corrected):
            return "\(context.spec.name): corrected the roles of \(corrected.joined(separator: ", "))\n"
        case .converged(let generation, let from, let to, let drained):
            let isOther = from.map { $0.version != to.version } ?? false
            let road = isOther ? "\(from?.version ?? "") -> \(to.version)" : to.version
            let endpoints = context.spec.pools.map { "  \(context.spec.edge.url)/\($0.name)/mcp\n" }.joined()
            return "\(context.spec.name): generation \(generation) serves \(to.name) \(road)\n\(endpoints)"
                + (drained.map { "  drained \($0.words)\n" } ?? "")
        case .undone(let generation, let release, let rolledTo):
            let serving = generation.flatMap { number in
                release.map { "generation \(number) serves \($0.name) \($0.version)" }
            }
            return "\(context.spec.name): the rollout to \(rolledTo.version) is taken back; "
                + "\(serving ?? "nothing serves")\n"
        }
    }

    private func document(_ result: FleetOperator.Result) -> Document {
        switch result {
        case .unchanged(let corrected):
            return Document(
                fleet: context.spec.name, changed: !corrected.isEmpty, correctedUsers: corrected,
                url: context.spec.edge.url)
        case .converged(let generation, let from, let to, let drained):
            return Document(
                fleet: context.spec.name, changed: true, generation: generation, versionBefore: from?.version,
                versionAfter: to.version, correctedUsers: [], url: context.spec.edge.url, drained: drained)
        case .undone(let generation, let release, let rolledTo):
            return Document(
                fleet: context.spec.name, changed: true, generation: generation, versionBefore: rolledTo.version,
                versionAfter: release?.version, correctedUsers: [], url: context.spec.edge.url)
        }
    }
}

/// `--to` takes a bare version or a whole reference.
enum ReleaseTarget {
    static func parse(_ text: String, like current: ReleaseReference) throws -> ReleaseReference {
        let whole = text.contains(":") ? text : "\(current.kind):\(current.name)@\(text)"
        do {
            return try ReleaseReference(parsing: whole)
        } catch {
            throw Failure(
                .usage, "cannot roll to \(text)", because: error.what, next: error.fix)
        }
    }
}
