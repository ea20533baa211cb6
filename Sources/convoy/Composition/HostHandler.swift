import Console
import Control
import Fleet
import Foundation
import Hosts
import Operations
import Planning
import Ports
import Releases
import Supervision

/// What `convoy host` does for each request, on the host that it runs on.
struct HostHandler: Sendable {
    /// Of one conversation: a page follows another.
    private let pages = LogPages()
    private var workplace: Workplace { Workplace(file: BootstrapPlace.folder + "/fleet.yaml", root: "/") }

    func handle(_ request: HostRequest, _ progress: any Ports.Progress) async throws -> JSONValue {
        let membership = HostMembership(workplace: workplace, progress: progress)
        switch request.ask {
        case .hello: return .object([:])
        case .wake: return .object(["started": .bool(try await membership.wake())])
        case .lacks:
            guard let digest = request.with["digest"].flatMap({ Digest(hex: $0) }) else { return .null }
            return .object(["lacks": .bool(try await membership.lacks(digest))])
        case .room:
            let fault = try await membership.room(for: try request.plan())
            return .object(["fault": fault.map { .string($0) } ?? .null])
        case .keep:
            try await membership.keep(try request.plan(), try request.passwords(), under: request.fence)
            return .object([:])
        case .sweep:
            let names = (request.with["instances"] ?? "").split(separator: ",").map(String.init)
            try await membership.sweep(keeping: Set(names), under: request.fence)
            return .object([:])
        case .reader:
            guard let mark = request.with["mark"] else {
                return .object(["reads": .bool(await membership.readsLedger())])
            }
            try await membership.keep(Secret(mark), under: request.fence)
            return .object([:])
        case .forget:
            try await membership.leave(under: request.fence)
            return .object([:])
        case .logs:
            return try JSONValue(encoding: try await pages.begin(try request.question(), workplace))
        case .more: return try JSONValue(encoding: try await pages.next())
        case .survey:
            return try await control { try JSONValue(encoding: try await $0.survey().completed(by: PosixSurveyor())) }
        case .mend:
            return try await control(under: request.fence) { try JSONValue(encoding: try await $0.heal()) }
        case .facts: return try await facts(request.with["files"])
        case .plan: return try await plan(progress)
        case .receive: return try await receive(request.with)
        case .up: return try await up(progress)
        case .firewall: return .object(["tried": .bool(try await workplace.host().tryRules(workplace))])
        case .confirm:
            // Asked again by who never heard the answer.
            guard try await workplace.host().wantedRules(workplace) != nil else { return .object([:]) }
            try await workplace.host().keepRules()
            return .object([:])
        case .status:
            return try await control {
                try JSONValue(encoding: try await $0.status(newerThan: nil, timeout: 0).status)
            }
        }
    }

    private func control(
        under fence: Int? = nil, _ body: (ControlClient) async throws -> JSONValue
    ) async throws -> JSONValue {
        let control = ControlClient(socket: workplace.layout.controlSocket, fence: fence)
        defer { Task { await control.close() } }
        return try await body(control)
    }

    /// - Parameter files: paths, one a line.
    private func facts(_ files: String?) async throws -> JSONValue {
        let words = FactsScript.command(files: files?.split(separator: "\n").map(String.init) ?? [])
        let answer = try await LocalProgram("/bin/\(words[0])").run(
            Array(words.dropFirst()), input: .bytes(Array(FactsScript.text.utf8)))
        guard let facts = HostFacts(lines: answer.output) else {
            throw Failure(
                .failed, "cannot examine this host", because: answer.errors, next: "see to what it complains about")
        }
        return try JSONValue(encoding: facts)
    }

    private func plan(_ progress: any Ports.Progress) async throws -> JSONValue {
        let context = try workplace.context()
        if context.spec.spansHosts {
            let lacking = try HostMembership(workplace: workplace, progress: progress).lacks()
            let isStale = try await workplace.host().wantedRules(workplace) != nil
            return try JSONValue(encoding: HostPlan(changes: lacking, firewall: isStale))
        }
        let plan = try await workplace.fleetOperator(context, progress: progress).plan()
        let isWallStale = try await workplace.host().wantedRules(workplace) != nil
        return try JSONValue(
            encoding: HostPlan(changes: plan.changes.map { "\($0.subject): \($0.detail)" }, firewall: isWallStale))
    }

    private func receive(_ parameters: [String: String]) async throws -> JSONValue {
        guard let archive = parameters["archive"], archive.hasPrefix(BootstrapPlace.cargo + "/"),
            let digest = parameters["digest"].flatMap({ Digest(hex: $0) })
        else {
            throw Failure(
                .usage, "cannot receive a release", because: "archive or digest is missing",
                next: "`convoy bootstrap` names both")
        }
        let state = workplace.layout.state
        try await TarFreight(state: state, seal: TreeReleaseSeal(state: state)).unpack(archive, as: digest)
        return .object(["digest": .string(digest.hex)])
    }

    private func up(_ progress: any Ports.Progress) async throws -> JSONValue {
        let workplace = workplace
        let context = try workplace.context()
        if context.spec.spansHosts {
            return .object(["changed": .bool(try await HostMembership(workplace: workplace, progress: progress).join())]
            )
        }
        let result = try await workplace.underLease("up") { lease in
            try await workplace.host().choose(.systemd)
            return try await workplace.fleetOperator(context, progress: progress, under: lease).up()
        }
        switch result {
        case .unchanged: return .object(["changed": .bool(false)])
        case .converged(let generation, _, _, _):
            return .object(["changed": .bool(true), "generation": .integer(generation)])
        case .undone:
            throw Failure(
                .failed, "the fleet is not what fleet.yaml says", because: "a rollout that was cut is taken back",
                next: "run it again")
        }
    }
}
