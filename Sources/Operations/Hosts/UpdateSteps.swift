import Fleet
import Foundation
import Planning
import Ports

/// Each step of an update, carried out on one host. All can be done again.
struct UpdateSteps: Sendable {
    let host: HostSpec
    let wish: UpdateWish
    let parcel: BootstrapCargo.Parcel
    let ports: BootstrapPorts
    let link: any HostLink
    /// What is looked at from outside; nil: nothing can be.
    let edge: (edge: EdgeSpec, pool: String)?

    func gather() async throws -> UpdateFacts {
        let input = HostInput.bytes(Array(UpdateFactsScript.text.utf8))
        let answer = try await link.run(HostCommand(UpdateFactsScript.command, input: input))
        if let facts = UpdateFacts(lines: answer.output) { return facts }
        // A bare host has no Python, and certainly no convoy.
        if answer.exitCode == 127 { return UpdateFacts() }
        throw failure("cannot examine \(host.name)", answer)
    }

    func perform(_ step: UpdateStep, before: UpdateFacts.Lasting) async throws {
        if let words = words(for: step) { ports.progress.step("\(host.name): \(words)") }
        let place = "\(BootstrapPlace.cargo)/packages/\(parcel.name)"
        switch step {
        case .send:
            let parameters = [place, "644", parcel.digest.hex]
            try await run(step, HostScripts.upload, parameters, input: .file(parcel.path))
        case .keep: try await run(step, UpdateScripts.keep, [])
        case .arm:
            let lasting = Array(try JSONEncoder().encode(before))
            let seconds = String(Int(wish.window.value.rounded(.up)))
            try await run(step, UpdateScripts.arm, [wish.package.digest.hex, seconds], input: .bytes(lasting))
        case .install: try await run(step, UpdateScripts.install, [wish.package.digest.hex, place])
        case .visit:
            guard let edge, !edge.edge.listen.isLoopback else { return }
            try await ports.visitor.visit(edge.edge, pool: edge.pool, at: host.address)
        case .confirm: try await run(step, UpdateScripts.confirm, [])
        case .undo:
            let answer = try await link.run(HostCommand(UpdateScripts.undoNow))
            guard answer.succeeded else { throw failure("cannot \(step.rawValue) on \(host.name)", answer) }
        }
    }

    private func run(
        _ step: UpdateStep, _ script: String, _ parameters: [String], input: HostInput = .nothing
    ) async throws {
        let answer = try await link.run(.script(script, parameters, input: input))
        guard !answer.succeeded else { return }
        throw failure("cannot \(step.rawValue) convoy \(wish.package.version) on \(host.name)", answer)
    }

    private func words(for step: UpdateStep) -> String? {
        switch step {
        case .send: "sending convoy \(wish.package.version)"
        case .keep: "keeping the package that it has"
        case .arm: "goes back by itself in \(wish.window.spelled), unless confirmed"
        case .install: "installing convoy \(wish.package.version)"
        case .visit: edge == nil ? nil : "looking at the edge from outside"
        case .confirm: "healthy: confirming"
        case .undo: "going back to the package that it had"
        }
    }

    private func failure(_ what: String, _ answer: HostAnswer) -> Failure {
        let said = (answer.errors.isEmpty ? answer.output.suffix(3).joined(separator: "; ") : answer.errors)
            .split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
        return Failure(
            .failed, what, because: said.isEmpty ? "it ended with \(answer.exitCode) and said nothing" : said,
            next: "see to that on the host, then run it again")
    }
}
