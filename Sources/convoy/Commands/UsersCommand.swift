import ArgumentParser
import Console
import Fleet
import Operations

struct Users: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify or rotate the read-only database users of the instances.",
        discussion: """
            Each instance has a user of its own, made with it and taken away with it. `convoy up` makes what is \
            missing and corrects what somebody changed.

              convoy users verify        # what each holds, and a proof taken now
              convoy users rotate        # new users and passwords for all
            """,
        subcommands: [UsersVerify.self, UsersRotate.self])
}

struct UsersVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove each user now: it can read what its pool may, and nothing else.",
        discussion: """
            Asks the database as its admin which roles each user has, and as the user itself what it may do. \
            Names users that no instance has. Over several hosts each host proves its own. Exit 0 when all is \
            well, 2 when anything is not, 69 when only a host's silence kept its users from being proved.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let accounts = try await workplace.fleetOperator(context, progress: progress, under: nil).users()
        let report = UsersReport(fleet: context.spec.name, accounts: accounts)
        Terminal.print(output.json ? try StableJSON.text(report) : report.text)
        if report.accounts.contains(where: { !$0.fault.isEmpty && !$0.isUnseen }) {
            throw ExitCode(Failure.Code.differencesFound.rawValue)
        }
        if !report.isWell { throw ExitCode(Failure.Code.unavailable.rawValue) }
    }
}

struct UsersRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Give each instance a new user and password, by a new generation.",
        discussion: """
            The same road as a rollout, with the release that runs: the next generation comes up with users of \
            its own, is verified and proved, takes the traffic; the old users go with their instances. If \
            anything is wrong nothing has changed. fleet.yaml must be what is up.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let result = try await workplace.underLease("users rotate") { lease in
            try await workplace.fleetOperator(context, progress: progress, under: lease).rotateUsers()
        }
        try SailReport(workplace: workplace, context: context, json: output.json, progress: progress).show(result)
    }
}

/// What `convoy users verify` found.
private struct UsersReport: Encodable {
    let fleet: String
    let accounts: [UserAccount]

    var isWell: Bool { accounts.allSatisfy(\.fault.isEmpty) }

    var text: String {
        guard !accounts.isEmpty else { return "\(fleet): no instance has a database user\n" }
        var table = Table("INSTANCE", "USER", "MAY", "PROOF")
        for account in accounts {
            let age = account.proof?.ageSeconds.map { ", \(Int($0))s ago" } ?? ""
            table.add(
                account.instance ?? "-", account.name,
                account.grants.map { "\($0.role) \($0.database)" }.joined(separator: " "),
                account.fault.isEmpty ? "proved" + age : account.fault)
        }
        let unseen = accounts.filter(\.isUnseen)
        let count = accounts.count { !$0.fault.isEmpty } - unseen.count
        let silence = Set(unseen.compactMap(\.host)).sorted().joined(separator: ", ")
        let note = unseen.isEmpty ? "" : "\(unseen.count) not proved: no answer from \(silence)\n"
        return table.text() + note
            + (count == 0
                ? "\(accounts.count - unseen.count) users, all proved\n"
                : "\(count) of \(accounts.count) users are not as they should be; `convoy drift --heal` corrects them\n")
    }

    private enum Keys: String, CodingKey { case fleet, users }
    private enum UserKeys: String, CodingKey { case name, instance, host, grants, proof, fault }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(fleet, forKey: .fleet)
        var list = container.nestedUnkeyedContainer(forKey: .users)
        for account in accounts {
            var user = list.nestedContainer(keyedBy: UserKeys.self)
            try user.encode(account.name, forKey: .name)
            // Every key is always there, null where there is nothing to say.
            try user.encode(account.instance, forKey: .instance)
            try user.encode(account.host, forKey: .host)
            try user.encode(account.grants, forKey: .grants)
            try user.encode(account.proof, forKey: .proof)
            try user.encode(account.fault, forKey: .fault)
        }
    }
}
