import Fleet
import Foundation
import Planning
import Ports
import Synchronization

@testable import Operations

/// A host that knows the commands of an update. Its wire can be cut at the n-th command, before or after that has
/// done its work.
final class SimulatedUpdateHost: HostLink {
    struct State {
        var facts = UpdateFacts()
        var did: [String] = []
        /// The new package's supervisor does not come up.
        var isBad = false
        var commands = 0
        var cutAt: Int?
        var cutsAfter = false
        var old = "0.1.0"
    }

    let state: Mutex<State>
    private let wish: UpdateWish

    init(_ wish: UpdateWish, _ facts: UpdateFacts, _ change: (inout State) -> Void) {
        self.wish = wish
        var start = State()
        start.facts = facts
        change(&start)
        state = Mutex(start)
    }

    var did: [String] { state.withLock(\.did) }

    func close() async {}

    func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
        try state.withLock { state -> HostAnswer in
            state.commands += 1
            let isCut = state.commands == state.cutAt
            if isCut, !state.cutsAfter { throw SimulatedHost.lost }
            let answer = try carryOut(command, &state)
            if isCut { throw SimulatedHost.lost }
            return answer
        }
    }

    private func carryOut(_ command: HostCommand, _ state: inout State) throws -> HostAnswer {
        let words = command.words
        if words == UpdateFactsScript.command {
            let text = String(decoding: try JSONEncoder().encode(state.facts), as: UTF8.self)
            return HostAnswer(exitCode: 0, output: ["Welcome!", text])
        }
        if words == UpdateScripts.undoNow {
            state.did.append("undo")
            (state.facts.trial, state.facts.package, state.facts.supervisor.isActive) = (nil, state.old, true)
            return HostAnswer(exitCode: 0)
        }
        switch words[2] {
        case HostScripts.upload: state.did.append("send")
        case UpdateScripts.keep: state.did.append("keep")
        case UpdateScripts.arm:
            state.did.append("arm")
            guard case .bytes(let bytes) = command.input else { return HostAnswer(exitCode: 1) }
            let before = try JSONDecoder().decode(UpdateFacts.Lasting.self, from: Data(bytes))
            state.facts.trial = UpdateFacts.Trial(digest: wish.package.digest, isInstalled: false, before: before)
        case UpdateScripts.install:
            state.did.append("install")
            state.facts.trial?.isInstalled = true
            state.facts.package = wish.package.version
            state.facts.supervisor.isActive = !state.isBad
        case UpdateScripts.confirm:
            state.did.append("confirm")
            guard let trial = state.facts.trial else { return HostAnswer(exitCode: 75, errors: "it goes back already") }
            (state.facts.trial, state.facts.packageFile) = (nil, trial.digest)
        default: return HostAnswer(exitCode: 127, errors: "not found")
        }
        return HostAnswer(exitCode: 0)
    }
}

struct SimulatedUpdateDialer: HostDialer {
    let hosts: [String: SimulatedUpdateHost]

    func dial(_ host: HostSpec) async throws -> any HostLink {
        guard let found = hosts[host.name] else {
            throw Failure(.unavailable, "cannot reach \(host.name)", because: "it is not simulated", next: "")
        }
        return found
    }
}
