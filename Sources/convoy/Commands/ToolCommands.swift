import ArgumentParser
import Console
import Fleet
import Foundation
import Gate
import Operations
import Releases
import Supervision

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Mint a token of the development issuer.",
        discussion: """
            Only for fleets with `authorization: development`. The token is printed to standard output \
            and kept nowhere:

              curl -H "Authorization: Bearer $(convoy token --pool analytics --ttl 1h)" ...
            """)

    @OptionGroup var fleet: FleetOptions

    @Option(help: "The pool that it admits to.")
    var pool: String

    @Option(help: "How long it is good for, at most 24h: 30s, 5m, 1h.")
    var ttl = "1h"

    @Option(help: "Whom it names.")
    var subject = "developer"

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        guard context.spec.edge.authorization == .development else {
            throw Failure(
                .failed, "cannot mint a token", because: "this fleet believes another issuer",
                next: "ask that issuer for one")
        }
        guard let wanted = context.spec.pools.first(where: { $0.name == pool }) else {
            throw Failure(
                .usage, "cannot mint a token", because: "there is no pool \(pool)",
                next: "choose from: \(context.spec.pools.map(\.name).joined(separator: ", "))")
        }
        let life: Seconds
        do {
            life = try Seconds(parsing: ttl)
        } catch {
            throw Failure(.usage, "cannot mint a token", because: error.what, next: error.fix)
        }
        let issuer = try DevelopmentIssuer.load(directory: workplace.layout.issuer, fleet: context.spec.name)
        let token = try issuer.mint(
            pool: wanted.name, scope: wanted.scope, audience: "\(context.spec.edge.url)/\(wanted.name)/mcp",
            subject: subject, ttl: life)
        Terminal.print(token.reveal() + "\n")
    }
}

struct Releases: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch, list and prune releases on this host.",
        subcommands: [Fetch.self, List.self, Prune.self])

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a release and lock it, without starting anything.",
            discussion: "By default the one that fleet.yaml names; so that a later `up` or `rollout` needs no network.")

        @OptionGroup var fleet: FleetOptions

        @Argument(help: "Other exact versions or references.")
        var versions: [String] = []

        func run() async throws {
            let workplace = Workplace(fleet)
            let context = try workplace.context()
            let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: false)
            let own = context.spec.server.release
            let wanted = try versions.isEmpty ? [own] : versions.map { try ReleaseTarget.parse($0, like: own) }
            try await workplace.underLease("releases fetch") { lease in
                let operations = try workplace.fleetOperator(context, progress: progress, under: lease)
                for reference in wanted {
                    let release = try await operations.present(reference)
                    Terminal.print("\(reference) \(release.digest)\n")
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the releases on this host, and why each is kept.")

        @OptionGroup var fleet: FleetOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let releases = try await Workplace(fleet).inventory().list()
            guard !output.json else { return Terminal.print(try StableJSON.text(releases)) }
            var table = Table("RELEASE", "DIGEST", "KEPT")
            for release in releases {
                let why = release.kept.map(\.words).joined(separator: ", ")
                table.add("\(release.reference)", release.digest.short, why.isEmpty ? "no: prune removes it" : why)
            }
            Terminal.print(table.text(width: nil))
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove releases from this host that no rollback needs.",
            discussion: """
                Kept are the releases of the generation that serves, of the one that `rollback` goes to, of a \
                rollout that is still open, whatever runs, and what fleet.lock names: `convoy releases list` \
                says which. Run twice, it removes nothing more.
                """)

        @OptionGroup var fleet: FleetOptions
        @OptionGroup var output: JSONOption

        @Flag(help: "And those that only fleet.lock names; its hashes fetch the same bytes again.")
        var alsoLocked = false

        func run() async throws {
            let workplace = Workplace(fleet)
            let removed = try await workplace.underLease("releases prune") { lease in
                try await workplace.inventory(under: lease).prune(alsoLocked: alsoLocked) { try lease.check() }
            }
            guard !output.json else { return Terminal.print(try StableJSON.text(removed)) }
            guard !removed.isEmpty else { return Terminal.print("nothing to remove\n") }
            for release in removed { Terminal.print("removed \(release.reference) (\(release.digest.short))\n") }
        }
    }
}
