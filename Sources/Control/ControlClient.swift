import Fleet
import Foundation
import NIOHTTP1
import Planning
import Ports

/// A supervisor's control from the other side of its socket. Throws what the supervisor threw.
///
/// `shutdown` of the client is `close()`: the protocol's `shutdown` ends the supervisor.
package struct ControlClient: FleetControl, DriftControl {
    private let way: any ControlWay
    private let fence: Int?
    /// Added to what the operation itself may take.
    private let slack: Seconds

    /// - Parameter fence: of the lease that changes are made under; without one the supervisor only tells.
    package init(socket path: String, fence: Int? = nil, slack: Seconds = 30) {
        self.init(way: SocketWay(path), fence: fence, slack: slack)
    }

    /// A supervisor on another host.
    package init(over wire: HostWire, fence: Int? = nil, slack: Seconds = 30) {
        self.init(way: wire, fence: fence, slack: slack)
    }

    private init(way: any ControlWay, fence: Int?, slack: Seconds) {
        self.way = way
        self.fence = fence
        self.slack = slack
    }

    package func close() async { await way.close() }

    package func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        let wait = min(timeout, Seconds(ControlProtocol.longestPoll))
        let query = (revision.map { "newerThan=\($0)&" } ?? "") + "timeout=\(wait.value)"
        let body = try await send(.GET, "status?\(query)", limit: wait)
        do {
            return try ControlProtocol.decode(StatusReport.self, from: body)
        } catch {
            throw foreign("its status can't be read: \(Excerpt(String(describing: error)))")
        }
    }

    package func begin(_ plan: GenerationPlan) async throws {
        try await begin(plan, only: nil)
    }

    package func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        let query = Self.query(instances).map { "?" + $0 } ?? ""
        try await send(.PUT, "generations/\(plan.number)" + query, try ControlProtocol.encode(plan), limit: 300)
    }

    package func share(_ generation: Int, part: Double) async throws {
        try await send(.POST, "generations/\(generation)/share?part=\(part)", limit: 120)
    }

    package func balance(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/balance", limit: 120)
    }

    package func flip(to generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/flip", limit: 120)
    }

    package func retire(_ generation: Int, drain: Seconds) async throws {
        _ = try await retire(generation, only: nil, drain: drain)
    }

    package func retire(
        _ generation: Int, only instances: Set<String>?, drain: Seconds
    ) async throws -> DrainReport {
        let query = "drain=\(drain.value)" + (Self.query(instances).map { "&" + $0 } ?? "")
        let body = try await send(
            .DELETE, "generations/\(generation)?\(query)", limit: Seconds(drain.value + 300))
        do {
            return try ControlProtocol.decode(DrainReport.self, from: body)
        } catch {
            throw garbled("its report can't be read: \(error)")
        }
    }

    /// Names of instances have nothing in them that a URL would have to escape.
    private static func query(_ instances: Set<String>?) -> String? {
        instances.map { "only=" + $0.sorted().joined(separator: ",") }
    }

    package func check() async throws { try await send(.POST, "check", limit: 300) }

    package func offer(of generation: Int) async throws -> ReleaseOffer? {
        let body = try await send(.GET, "generations/\(generation)/offer", limit: 30)
        return try read(body, as: OfferDocument.self).offer
    }

    package func rehearse(_ plan: GenerationPlan) async throws {
        try await send(.POST, "generations/\(plan.number)/rehearsal", try ControlProtocol.encode(plan), limit: 60)
    }

    /// With `heal`, the client's side of `DriftControl`.
    package func survey() async throws -> DriftSurvey { try read(try await send(.GET, "drift", limit: 300)) }

    package func heal() async throws -> [String] { try read(try await send(.POST, "drift/heal", limit: 300)) }

    private func read<Value: Decodable>(_ body: Data, as type: Value.Type = Value.self) throws -> Value {
        do {
            return try ControlProtocol.decode(Value.self, from: body)
        } catch {
            throw garbled("its answer can't be read: \(error)")
        }
    }

    package func shutdown(drain: Seconds) async throws {
        try await send(.POST, "shutdown?drain=\(drain.value)", limit: Seconds(drain.value + 300))
    }

    package func promise(_ generation: Int, patience: Seconds) async throws {
        try await send(.POST, "generations/\(generation)/promise?patience=\(patience.value)", limit: 30)
    }

    package func lend(_ generation: Int, part: Double?) async throws {
        let query = part.map { "?part=\($0)" } ?? ""
        try await send(.POST, "generations/\(generation)/lend" + query, limit: 120)
    }

    package func attempt(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/attempt", limit: 120)
    }

    package func hold(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/hold", limit: 30)
    }

    package func seal(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/seal", limit: 30)
    }

    package func finish(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/finish", limit: 120)
    }

    package func cordon() async throws { try await send(.POST, "host/cordon", limit: 30) }

    package func drain(deadline: Seconds) async throws -> DrainReport {
        let limit = Seconds(deadline.value + 60)
        return try read(try await send(.POST, "host/drain?deadline=\(deadline.value)", limit: limit))
    }

    package func uncordon(generation: Int) async throws {
        try await send(.POST, "host/uncordon?generation=\(generation)", limit: 30)
    }

    package func leave(rollout: Int) async throws {
        try await send(.POST, "host/leave?rollout=\(rollout)", limit: 30)
    }

    package func welcome(generation: Int, upTo rollout: Int) async throws {
        try await send(.POST, "host/welcome?generation=\(generation)&rollout=\(rollout)", limit: 30)
    }

    package func guests() async throws -> Int { try read(try await send(.GET, "host/guests", limit: 30)) }

    @discardableResult
    private func send(_ method: HTTPMethod, _ target: String, _ body: Data? = nil, limit: Seconds) async throws
        -> Data
    {
        let reply = try await way.exchange(
            ControlLine(
                id: 0, method: method.rawValue, target: target, fence: fence,
                body: body.map { String(decoding: $0, as: UTF8.self) }, limit: limit.value + slack.value))
        return try judge(reply, Data(reply.body.utf8))
    }

    private func judge(_ reply: ControlReply, _ body: Data) throws -> Data {
        guard reply.version == ControlProtocol.version else {
            throw foreign(
                "this convoy speaks version \(ControlProtocol.version), the supervisor "
                    + (reply.version.map { "version \(Excerpt($0, length: 20))" } ?? "names no version"))
        }
        guard reply.status != 200 else { return body }
        if let document = try? ControlProtocol.decode(FailureDocument.self, from: body) { throw document.failure }
        throw garbled("HTTP \(reply.status) without a reason")
    }

    /// Not `.unavailable`: whoever waits for the supervisor would wait for good.
    private func foreign(_ why: String) -> Failure {
        Failure(
            .failed, "this convoy and the supervisor do not speak the same control protocol", because: why,
            next: "restart the supervisor with this convoy: instances go on meanwhile "
                + "(`systemctl restart convoy-supervisor`; elsewhere end it by TERM, then `convoy up`)")
    }

    private func garbled(_ why: String) -> Failure { .garbled(why) }
}
