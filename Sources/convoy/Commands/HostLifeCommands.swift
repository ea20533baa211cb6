import ArgumentParser
import Console
import Fleet
import Operations

struct Cordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a host take no new sessions; those that it has go on.",
        discussion: """
            Its edge answers what is new by 503 with Retry-After, so that whatever balances goes to another \
            host. Kept over restarts and reboots until `convoy uncordon`. Rollouts go over it as over the \
            others; it stays shut. The last host that takes sessions is refused without --force.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Argument(help: "Its name in fleet.yaml; `local` where fleet.yaml names none.")
    var host: String

    @Flag(help: "Although no other host takes sessions then.")
    var force = false

    func run() async throws {
        try await HostVerbRun(fleet, output).run("cordon") { try await $0.cordon(host, force: force) }
    }
}

struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a host out of service: before a reboot, or other maintenance.",
        discussion: """
            Cordons it, waits for its sessions up to the deadline, and then it serves nobody. Its instances \
            stay up, and are there after a reboot; it serves nobody until `convoy uncordon`. What is still \
            in use at the deadline is cut: clients open new sessions, at another host.

              convoy drain web-2 --deadline 5m
              convoy uncordon web-2
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var sessions: SessionDeadline

    @Argument(help: "Its name in fleet.yaml; `local` where fleet.yaml names none.")
    var host: String

    @Flag(help: "Although no other host takes sessions then.")
    var force = false

    func run() async throws {
        let time = try sessions.time
        try await HostVerbRun(fleet, output).run("drain") {
            try await $0.drain(host, deadline: time, force: force)
        }
    }
}

struct Uncordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a host that was cordoned or drained serve everybody again.",
        discussion: """
            Refused unless all of its instances are ready, proved, and of the generation that the fleet \
            serves: `convoy up` makes them so.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Argument(help: "Its name in fleet.yaml; `local` where fleet.yaml names none.")
    var host: String

    func run() async throws {
        try await HostVerbRun(fleet, output).run("uncordon") { try await $0.uncordon(host) }
    }
}

struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a host out of the fleet for good.",
        discussion: """
            Drains it, stops what it runs of the fleet, takes that away there with units and firewall rules, \
            takes its database users away, and forgets it; Convoy's package stays. --gone is for a host that \
            is lost: its users are taken away all the same. Then take it out of `hosts` in fleet.yaml.

              convoy remove web-3 --gone     # new hardware under its name: `convoy replace` does both
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var sessions: SessionDeadline

    @Argument(help: "Its name in fleet.yaml, or the one that it had there.")
    var host: String

    @Flag(help: "It does not answer, and never will.")
    var gone = false

    func run() async throws {
        let workplace = Workplace(fleet)
        var context = try workplace.context()
        let time = try sessions.time
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let isListed = context.spec.hosts.contains { $0.name == host }
        if !isListed {
            let record = try await workplace.leases.ledger().load()
            context.spec.hosts += record.current?.origin.spec.hosts.filter { $0.name == host } ?? []
        }
        let removal = try await Self.removal(of: host, gone: gone, time, context, workplace, progress)
        progress.endDetail()
        Terminal.print(output.json ? try StableJSON.text(removal) : text(removal, isListed: isListed))
    }

    /// With its way to read the ledger.
    static func removal(
        of host: String, gone: Bool, _ deadline: Seconds, _ context: FleetContext, _ workplace: Workplace,
        _ progress: TerminalProgress
    ) async throws -> HostRemoval {
        try await workplace.underLease("remove") { lease in
            let removal = try await workplace.fleetOperator(context, progress: progress, under: lease)
                .remove(host, gone: gone, deadline: deadline)
            try lease.check()
            try await LedgerReader(workplace: workplace, context: context, progress: progress).revoke(host)
            return removal
        }
    }

    private func text(_ removal: HostRemoval, isListed: Bool) -> String {
        var lines = ["\(removal.fleet): \(removal.host) is one of it no more"]
        if !removal.users.isEmpty { lines.append("  \(removal.users.count) database users are gone") }
        if let words = removal.drained?.words, !words.isEmpty { lines.append("  \(words)") }
        if isListed { lines.append("  now take it out of `hosts` in \(fleet.file): else `convoy up` adds it again") }
        return lines.joined(separator: "\n") + "\n"
    }
}

struct SessionDeadline: ParsableArguments {
    @Option(help: "How long its sessions may go on, such as 90s or 2m.")
    var deadline = "2m"

    var time: Seconds { get throws { try Seconds(parsing: deadline) } }

    func validate() throws {
        guard let time = try? time, time.value <= 86_400 else {
            throw ValidationError("--deadline is a time up to 24h, such as 90s or 2m")
        }
    }
}

/// What these verbs have in common.
struct HostVerbRun {
    let fleet: FleetOptions
    let output: JSONOption

    init(_ fleet: FleetOptions, _ output: JSONOption) {
        self.fleet = fleet
        self.output = output
    }

    func run(_ verb: String, _ change: (FleetOperator) async throws -> HostChange) async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let result = try await workplace.underLease(verb) { lease in
            try await change(try workplace.fleetOperator(context, progress: progress, under: lease))
        }
        progress.endDetail()
        Terminal.print(output.json ? try StableJSON.text(result) : Self.text(result))
    }

    private static func text(_ change: HostChange) -> String {
        let words =
            switch change.door {
            case .open: "takes everybody"
            case .cordoned: "takes no new sessions"
            case .drained: "serves nobody; what it runs stays up"
            case .behind: "is behind the fleet, and serves nobody"
            }
        let report = change.drained.map(\.words).flatMap { $0.isEmpty ? nil : "  \($0)\n" } ?? ""
        return "\(change.fleet): \(change.host) \(words)\(change.changed ? "" : ", as before")\n\(report)"
    }
}
