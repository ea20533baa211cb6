import Control
import Fleet
import Foundation
import Ledger
import Operations
import Planning
import Ports
import Releases
import Supervision

/// A host of a fleet over several: it keeps no ledger of its own, and does what the fleet's operator asks.
struct HostMembership {
    let workplace: Workplace
    let progress: any Ports.Progress

    private var layout: FleetLayout { workplace.layout }
    private var fence: FenceFile { FenceFile(layout.fence) }

    /// What `join` would do, in words.
    func lacks() throws -> [String] {
        let isWhole = try fence.exists && ListeningSocket.answers(layout.controlSocket)
        return isWhole ? [] : ["supervisor: start it, for the fleet's operator"]
    }

    func join() async throws -> Bool {
        try await refuseSelfDriven()
        for path in [layout.state, layout.runtime] { try PosixFiles().makeDirectory(path, mode: 0o755) }
        try fence.make()
        try await workplace.host().choose(.systemd)
        return try await workplace.host().launcher().ensureRunning()
    }

    /// What it runs by its own ledger would be in the way of the fleet's, and be known to nobody.
    private func refuseSelfDriven() async throws {
        guard !fence.exists, FileManager.default.fileExists(atPath: layout.ledger),
            let own = try await Workplace.leases(layout).ledger().load().current
        else { return }
        throw Failure(
            .failed, "cannot make this host one that is driven from elsewhere",
            because: "it drives itself, and serves generation \(own.number) of the fleet \(own.fleet)",
            next: "with the fleet.yaml of before: `convoy bootstrap`, then `convoy down` on the host; then this again")
    }

    /// Only of a host that has joined: elsewhere there is another ledger.
    func wake() async throws -> Bool {
        guard fence.exists else {
            throw Failure(
                .failed, "cannot drive this host", because: "it is no member of a fleet over several hosts",
                next: "run `convoy bootstrap` for it")
        }
        return try await workplace.host().launcher().ensureRunning()
    }

    func readsLedger() async -> Bool { (try? await LedgerReader.left(layout)) != nil }

    /// By which user this host reads the fleet's ledger.
    func keep(_ mark: Secret, under lease: Int?) async throws {
        try await fence.admit(lease)
        try PosixFiles().makeDirectory(layout.configuration, mode: 0o755)
        try PosixFiles().write(layout.ledgerReader, mark.reveal(), mode: 0o600)
    }

    /// Cut, it is asked again: of what is gone nothing is asked.
    func leave(under lease: Int?) async throws {
        guard fence.exists else { return }
        try await fence.admit(lease)
        if try await workplace.host().launcher().ensureRunning() { progress.step("supervisor started") }
        let control = ControlClient(socket: layout.controlSocket, fence: lease)
        try await control.shutdown(drain: 0)
        await control.close()
        try await workplace.host().launcher().waitUntilGone()
        if let spec = try? workplace.context().spec, spec.edge.mode == .include {
            // The supervisor did so already, unless that nginx refused; a link to nothing would end that nginx.
            try await Workplace.sharedEdge(layout, spec.edge.includeFile(of: spec.name)).remove()
        }
        try await workplace.host().purge()
    }

    func lacks(_ digest: Digest) async throws -> Bool {
        let store = LocalReleaseStore(
            state: layout.state, directory: workplace.directory, seal: TreeReleaseSeal(state: layout.state),
            environment: ProcessInfo.processInfo.environment)
        guard try await store.list().contains(where: { $0.digest == digest }) else { return true }
        // What was changed here is put aside when it comes anew.
        do { try await store.verify(digest) } catch is Failure { return true }
        return false
    }

    func room(for plan: GenerationPlan) async throws -> String? {
        let fleet = try workplace.localOperator(try workplace.context(), progress: progress)
        return await fleet.seams.preflight(plan, try await fleet.ports.control.status(newerThan: nil, timeout: 0))
    }

    func keep(_ plan: GenerationPlan, _ passwords: [String: Secret], under lease: Int?) async throws {
        try await fence.admit(lease)
        let fleet = try workplace.localOperator(try workplace.context(), progress: progress)
        try await HostPlacing(ports: fleet.ports, layout: layout, plan: plan).place(plan, passwords: passwords)
    }

    /// What runs stays, whatever is asked: the supervisor knows of it.
    func sweep(keeping names: Set<String>, under lease: Int?) async throws {
        try await fence.admit(lease)
        let control = ControlClient(socket: layout.controlSocket)
        defer { Task { await control.close() } }
        let report = try await control.status(newerThan: nil, timeout: 0)
        let running = report.generations.flatMap(\.instances).map(\.name)
        try HostPlacing.sweep(keeping: names.union(running), files: PosixFiles(), layout: layout)
    }
}

extension HostRequest {
    /// The generation that it is about.
    func plan() throws -> GenerationPlan { try read("plan") }

    func passwords() throws -> [String: Secret] {
        try read("passwords", as: [String: String].self).mapValues { Secret($0) }
    }

    func question() throws -> LogQuestion { try read("question") }

    var fence: Int? { with["fence"].flatMap { Int($0) } }

    private func read<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        // What is in it may be secret: an error names its place only.
        guard let text = with[name], let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) else {
            throw Failure(
                .usage, "cannot \(ask.rawValue)", because: "\(name) is missing or can't be read",
                next: "use the convoy of the fleet's operator")
        }
        return value
    }
}
