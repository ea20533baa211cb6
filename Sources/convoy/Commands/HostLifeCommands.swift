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

    @Argument(help: "Its name in fleet.yaml; `local` where fleet.yaml names none.")
    var host: String

    @Option(help: "How long sessions may go on, such as 90s or 2m.")
    var deadline = "2m"

    @Flag(help: "Although no other host takes sessions then.")
    var force = false

    func validate() throws {
        guard let time = try? Seconds(parsing: deadline), time.value <= 86_400 else {
            throw ValidationError("--deadline is a time up to 24h, such as 90s or 2m")
        }
    }

    func run() async throws {
        let time = try Seconds(parsing: deadline)
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
