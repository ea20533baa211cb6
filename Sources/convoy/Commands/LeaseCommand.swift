import ArgumentParser
import Console
import Fleet
import Planning

struct LeaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease",
        abstract: "Show who is at work on the fleet, or take the lease away from them.",
        discussion: """
            One command at a time may change a fleet: it holds the lease, and says every 5 s that it lives. \
            A command that was killed loses it at once, one that stands still after 15 s; where the \
            ledger is in a database, one that was lost on another machine after 30 s. Others end with exit 75 \
            meanwhile.

            --break is for what neither explains, such as an operator in a container that is gone. What it is \
            taken from can change nothing any more, even if it still runs: its next step ends it with exit 75.
            """)

    @OptionGroup var root: RootOption
    @OptionGroup var output: JSONOption

    @Flag(name: .customLong("break"), help: "Take it away from whoever holds it.")
    var isToBreak = false

    func run() async throws {
        let leases = Workplace.leases(FleetLayout(root: Workplace.absolute(root.root)))
        let lease = try await isToBreak ? leases.breakLease() : leases.current()
        let report = LeaseReport(lease: lease, broken: isToBreak && lease != nil)
        Terminal.print(output.json ? try StableJSON.text(report) : report.text(asked: isToBreak))
    }
}

/// What `convoy lease` knows.
private struct LeaseReport: Encodable {
    var lease: OperatorLease?
    var broken: Bool

    func text(asked isToBreak: Bool) -> String {
        guard let lease else { return isToBreak ? "nobody held it\n" : "nobody\n" }
        guard !broken else { return "taken away from \(lease.words)\n" }
        var table = Table("HOLDER", "HOST", "VERB", "PID", "FOR", "HEARD OF", "FENCE")
        table.add(
            lease.holder.name, lease.holder.host, lease.holder.verb, "\(lease.holder.pid)",
            "\(Int(lease.ageSeconds))s", "\(Int(lease.heartbeatSeconds))s ago", "\(lease.fence)")
        let note = "its time is over, or its process is gone: the next command takes the lease\n"
        return table.text(width: nil) + (lease.expired ? note : "")
    }

    private enum Keys: String, CodingKey { case lease, broken }
    private enum LeaseKeys: String, CodingKey {
        case fence, holder, host, verb, pid, ageSeconds, heartbeatSeconds, expired
    }

    /// Every key is always there, null where nobody holds it.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(broken, forKey: .broken)
        guard let lease else { return try container.encodeNil(forKey: .lease) }
        var inner = container.nestedContainer(keyedBy: LeaseKeys.self, forKey: .lease)
        try inner.encode(lease.fence, forKey: .fence)
        try inner.encode(lease.holder.name, forKey: .holder)
        try inner.encode(lease.holder.host, forKey: .host)
        try inner.encode(lease.holder.verb, forKey: .verb)
        try inner.encode(lease.holder.pid, forKey: .pid)
        try inner.encode(lease.ageSeconds, forKey: .ageSeconds)
        try inner.encode(lease.heartbeatSeconds, forKey: .heartbeatSeconds)
        try inner.encode(lease.expired, forKey: .expired)
    }
}
