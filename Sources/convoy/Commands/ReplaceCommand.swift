import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Planning

struct Replace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put new hardware in the place of a host that is lost, under its name.",
        discussion: """
            Examines the new machine first. Then takes the old one's database users away and forgets it, as \
            `convoy remove --gone` does, and makes the new one a member, as `convoy bootstrap` does: it gets \
            instances of the generation that serves, with users and passwords of their own; those of other \
            hosts are not touched. Cut, run it again.

              ssh-keygen -R web-3; ssh ops@web-3      # compare the new key before you accept it
              convoy replace web-3 --package convoy_0.1.0_amd64.deb

            Refused while the old one answers. With another address, change it in fleet.yaml first.
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Argument(help: "Its name in fleet.yaml.")
    var host: String

    @Option(help: "Convoy's Debian package, as ops/package makes it. Needed where the machine has not this convoy yet.")
    var package: String?

    @Option(help: "A directory of .deb files that the package depends on: the machine then asks no mirror.")
    var offline: String?

    @Option(help: "Configuration of ssh, instead of yours. (CONVOY_SSH_CONFIG)")
    var sshConfig: String?

    func run() async throws {
        if let sshConfig { setenv("CONVOY_SSH_CONFIG", sshConfig, 1) }
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        try refuseLoneHost(context.spec)
        let look = try await bootstrap("--host", host).report(isDry: true)
        // What stands in the way of the new one is told while the old one is still known.
        if look.hasFault { return try bootstrap("--host", host).finish(with: look) }
        try await forget(workplace, context)
        let whole = try bootstrap()
        try whole.finish(with: try await whole.report(isDry: false))
    }

    private func forget(_ workplace: Workplace, _ context: FleetContext) async throws {
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        defer { progress.endDetail() }
        var context = context
        // Of two hosts one is left meanwhile: it goes on as it is.
        context.spec.operatorSeat = .remote
        let removal = try await Remove.removal(of: host, gone: true, 0, context, workplace, progress)
        progress.step("\(host), as it was, is forgotten: \(removal.users.count) database users are gone")
    }

    private func refuseLoneHost(_ spec: FleetSpec) throws {
        guard spec.spansHosts, spec.hosts.count > 1 else {
            throw Failure(
                .failed, "cannot replace \(host)", because: "it is the fleet's only host: nothing of it is left",
                next: "`convoy bootstrap` brings the fleet up on the new machine")
        }
    }

    private func bootstrap(_ more: String...) throws -> Bootstrap {
        var words = [fleet.file, "--root", fleet.root]
        for (option, value) in [("--package", package), ("--offline", offline), ("--ssh-config", sshConfig)] {
            if let value { words += [option, value] }
        }
        return try Bootstrap.parse(words + more + (output.json ? ["--json"] : []))
    }
}
