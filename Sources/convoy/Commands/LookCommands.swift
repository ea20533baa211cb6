import ArgumentParser
import Console
import Control
import Fleet
import Foundation
import Operations
import Supervision

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show every instance: state, proof, version, port, pid.",
        discussion:
            "Asks the supervisor of this root. Exit 69 when none answers; `convoy up` starts one, which adopts what still runs."
    )

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let workplace = Workplace(fleet)
        let control = ControlClient(socket: workplace.layout.controlSocket)
        do {
            let status = try await control.status(newerThan: nil, timeout: 0).status
            await control.close()
            let text = StatusText(status, terminal: workplace.terminal).text
            Terminal.print(output.json ? try StableJSON.text(status) : text)
        } catch {
            await control.close()
            throw error
        }
    }
}

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print logs of instances, edge, gate and supervisor.",
        discussion: """
            Names are those of `convoy status`, a pool's, or `edge-access`, `edge-error`, `gate`, \
            `supervisor`. Without a name: all. Credentials in connection strings are blotted out.
            """)

    @OptionGroup var fleet: FleetOptions

    @Option(name: [.customShort("n"), .long], help: "How many lines of each.")
    var lines = 20

    @Argument(help: "Instance, pool, or one of edge-access, edge-error, gate, supervisor.")
    var names: [String] = []

    func run() async throws {
        let workplace = Workplace(fleet)
        let files = PosixFiles()
        let known = try files.list(workplace.layout.logs).filter { $0.hasSuffix(".log") }
            .map { String($0.dropLast(4)) }.sorted()
        let wanted = known.filter { name in
            names.isEmpty || names.contains { $0 == name || name.hasPrefix($0 + "-") }
        }
        guard !wanted.isEmpty else {
            throw Failure(
                .unavailable, "cannot show logs", because: "there are none" + (names.isEmpty ? "" : " of that name"),
                next: known.isEmpty ? "run `convoy up` first" : "choose from: \(known.joined(separator: ", "))")
        }
        for name in wanted {
            if wanted.count > 1 { Terminal.print("==> \(name) <==\n") }
            let text = try LogTail.read(workplace.layout.log(name), lines: lines)
            Terminal.print(LogTail.redacted(text))
        }
    }
}

/// The end of a log, without reading all of it.
enum LogTail {
    private static let longest: UInt64 = 1_000_000

    static func read(_ path: String, lines: Int) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Failure(
                .unavailable, "cannot read \(path)", because: "it may not be read", next: "run it as the fleet's user")
        }
        defer { try? handle.close() }
        let size = try handle.seekToEnd()
        try handle.seek(toOffset: size > longest ? size - longest : 0)
        let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
        let all = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(text.hasSuffix("\n") ? 1 : 0)
        return all.suffix(max(0, lines)).joined(separator: "\n") + (all.isEmpty ? "" : "\n")
    }

    /// `scheme://user:password@` loses its credentials; servers do print their connection strings.
    static func redacted(_ text: String) -> String {
        text.replacing(#/(?<scheme>[a-z][a-z0-9+.-]*:\/\/)[^\/\s@:]*:[^\/\s@]*@/#) { "\($0.output.scheme)<redacted>@" }
    }
}

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check that this machine has what a fleet needs.",
        discussion: "Exit 2 when something is missing; each line says what to do.")

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let findings = await Examination(workplace: Workplace(fleet)).findings()
        if output.json {
            Terminal.print(try StableJSON.text(findings))
        } else {
            var table = Table("", "WHAT", "FOUND")
            for finding in findings {
                table.add(
                    finding.ok ? "ok" : "!!", finding.what, finding.found + (finding.ok ? "" : ": " + finding.next))
            }
            Terminal.print(table.text(width: nil))
        }
        if findings.contains(where: { !$0.ok }) { throw ExitCode(Failure.Code.differencesFound.rawValue) }
    }
}
