import ArgumentParser
import Conformance
import Console
import Fleet
import Foundation
import Gate
import Operations
import Supervision

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a live edge from outside: is it a complete OAuth 2.1 resource server?",
        discussion: """
            Of a fleet with `authorization: development` all is known:

              convoy verify --root ./.convoy

            Any other MCP gateway, with the key that signs its issuer's tokens (a test issuer's, never \
            production's):

              convoy verify --url https://gw.example/mcp --issuer-key key.pem \\
                --issuer https://issuer.example --kid k1 --scope mcp:read

            Whatever else it promises, say: --denied-tool, --rate, --listed-client, --client-certificate; a fleet's \
            own rules are known. What is not said is skipped, and why.

            Of a fleet over several hosts each host's edge is verified, at its own address: a table of them, and \
            what is wrong with each.

            Exit 0: every check passed; 2: one failed; 69: a host does not answer. Checks of what only should be \
            are warnings. Sessions that it opens are ended.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var edge: EdgeOptions
    @OptionGroup var promises: PromiseOptions

    @Option(help: "Only this pool of the fleet.")
    var pool: String?

    @Option(name: .customLong("host"), help: "Only the edge of this host of the fleet. May be repeated.")
    var hosts: [String] = []

    @Option(help: "Only checks of this id or group; * stands for any text. May be repeated.")
    var only: [String] = []

    @Flag(help: "List the checks and end.")
    var list = false

    @Option(name: .customLong("junit"), help: "Write the report to this file as JUnit XML, too.")
    var junitFile: String?

    @Option(help: "Checks at a time.")
    var jobs = 8

    func run() async throws {
        try promises.check()
        let checks = Catalogue.matching(only)
        guard !checks.isEmpty else {
            throw Failure(
                .usage, "cannot verify", because: "no check is called \(only.joined(separator: " or "))",
                next: "see `convoy verify --list`")
        }
        if list {
            let text = output.json ? try StableJSON.text(checks.map(CheckListing.init)) : CatalogueText.text(checks)
            return Terminal.print(text)
        }
        let subjects = try edge.url.map { try [edge.subject(url: $0, promises)] } ?? fleetSubjects()
        var endpoints: [EndpointReport] = []
        var unseen: [String] = []
        for subject in subjects {
            do { endpoints.append(try await verify(subject, checks)) } catch let failure as Failure {
                guard let host = subject.host?.name, failure.code == .unavailable else { throw failure }
                unseen.append("\(host): \(failure.what): \(failure.why)")
            }
        }
        try finish(ConformanceReport(endpoints, unseen: unseen))
    }

    private func verify(_ subject: VerifySubject, _ checks: [Check]) async throws -> EndpointReport {
        let forge = try subject.key.map { key in
            try TokenForge(key, target: subject.target) { Date().timeIntervalSince1970 }
        }
        // A bait on this machine's loopback lures only edges that are here as well.
        let bait = subject.target.url.isLoopback ? try await forge.mapAsync { try await Bait.start(try $0.bait) } : nil
        let bench = Bench(
            target: subject.target, wire: try edge.wire(to: subject.target.url, at: subject.host), forge: forge,
            time: SystemTime(),
            sight: edge.sight, bait: bait, certified: try edge.certified(for: subject.target.url, at: subject.host))
        let progress = TerminalProgress(terminal: .current(), isQuiet: false)
        do {
            var report = try await SuiteRunner(checks, width: jobs).run(on: bench, progress: progress)
            report.host = subject.host?.name
            progress.endDetail()
            await bait?.stop()
            return report
        } catch {
            progress.endDetail()
            await bait?.stop()
            throw error
        }
    }

    private func finish(_ report: ConformanceReport) throws {
        if let junitFile {
            try PosixFiles().write(Workplace.absolute(junitFile), JUnitText.text(report), mode: 0o644)
        }
        let terminal = Terminal.current()
        let width = terminal.outputIsTerminal ? terminal.width : 80
        let isSpread = !report.unseen.isEmpty || report.endpoints.contains { $0.host != nil }
        let text = isSpread ? HostsVerifyText(report, width: width).text : ReportText(report, width: width).text
        Terminal.print(output.json ? try StableJSON.text(report) : text)
        if report.failed > 0 { throw ExitCode(Failure.Code.differencesFound.rawValue) }
        if !report.unseen.isEmpty { throw ExitCode(Failure.Code.unavailable.rawValue) }
    }

    /// Every pool of the fleet; each has the next as its neighbour.
    private func fleetSubjects() throws -> [VerifySubject] {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let pools = context.spec.pools.sorted { $0.name < $1.name }
        guard pool == nil || pools.contains(where: { $0.name == pool }) else {
            throw Failure(
                .usage, "cannot verify", because: "there is no pool \(pool ?? "")",
                next: "choose from: \(pools.map(\.name).joined(separator: ", "))")
        }
        let key = try edge.key() ?? developmentKey(context, workplace)
        let issuer = edge.issuer ?? "urn:convoy:development:\(context.spec.name)"
        guard key == nil || edge.issuer != nil || context.spec.edge.authorization == .development else {
            throw Failure(
                .usage, "cannot verify this fleet", because: "it may believe several issuers",
                next: "name with --issuer the one whose key this is")
        }
        let spec = context.spec.edge.authorization.issuers.first { $0.url == issuer }
        let shared = edge.audience ?? spec?.audience
        let base = context.spec.edge.url
        let hosts = try chosenHosts(context.spec)
        let targets = try pools.filter { pool == nil || $0.name == pool }.map { own in
            let other = pools.first { $0.name != own.name }
            return Target(
                url: try EndpointURL("\(base)/\(own.name)/mcp"),
                issuer: issuer, audience: shared, scope: own.scope, scopeClaim: try edge.scopes(spec?.scopeClaim),
                wrongScope: edge.wrongScope,
                neighbour: other.map { .init(audience: shared ?? "\(base)/\($0.name)/mcp", scope: $0.scope) },
                isAlone: pools.count == 1, subject: edge.subject, tools: promises.tools(own.tools),
                rate: try promises.rate(own.limits?.rate), clients: try promises.clients(own.clients))
        }
        return hosts.flatMap { host in targets.map { VerifySubject(target: $0, key: key, host: host) } }
    }

    /// Nil stands for wherever the URL leads.
    private func chosenHosts(_ spec: FleetSpec) throws -> [HostSpec?] {
        guard spec.spansHosts, edge.connect == nil else {
            guard hosts.isEmpty else {
                throw Failure(
                    .usage, "cannot choose hosts", because: "there is one edge: --connect, or a fleet of one host",
                    next: "leave out --host")
            }
            return [nil]
        }
        return try spec.hosts(named: hosts)
    }

    private func developmentKey(_ context: FleetContext, _ workplace: Workplace) throws -> SigningKey? {
        guard context.spec.edge.authorization == .development else { return nil }
        let issuer = try DevelopmentIssuer.load(directory: workplace.layout.issuer, fleet: context.spec.name)
        guard let pem = try PosixFiles().readSecret(workplace.layout.issuer + "/key.pem") else { return nil }
        return try SigningKey(pem, keyID: issuer.keyID)
    }
}

struct VerifySubject {
    let target: Target
    /// Nil: only what needs no token can be checked.
    let key: SigningKey?
    /// Whose edge; nil: wherever the URL leads.
    var host: HostSpec?
}

/// A row for each host, then what is not well.
private struct HostsVerifyText {
    let report: ConformanceReport
    let width: Int

    init(_ report: ConformanceReport, width: Int) {
        self.report = report
        self.width = width
    }

    var text: String {
        var table = Table("HOST", "PASSED", "FAILED", "WARNED", "SKIPPED", "SERVER", "ENDPOINT")
        for one in report.endpoints {
            let counts = [CheckReport.Outcome.passed, .failed, .warned, .skipped].map { "\(one.count($0))" }
            table.add([one.host ?? "-"] + counts + [one.era, one.url])
        }
        var blocks = [report.endpoints.isEmpty ? "" : table.text(width: width)]
        for one in report.endpoints where one.count(.failed) + one.count(.warned) > 0 {
            var wrong = one
            wrong.checks = one.checks.filter { $0.outcome == .failed || $0.outcome == .warned }
            blocks.append("host \(one.host ?? "-")\n" + ReportText(ConformanceReport([wrong]), width: width).text)
        }
        if !report.unseen.isEmpty {
            let lines = report.unseen.flatMap { TextBlock.wrapped("not verified  ", $0) }
            blocks.append(lines.joined(separator: "\n") + "\n")
        }
        blocks.append(ReportText(report, width: width).summary + "\n")
        return blocks.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func mapAsync<T: Sendable>(_ body: (Wrapped) async throws -> T) async throws -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
