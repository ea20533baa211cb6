import Edge
import Fleet
import Foundation
import Ports
import Supervision
import Systemd

/// Has another unit change an nginx that is not ours: the supervisor's own sandbox keeps it from all of that nginx's
/// files. Both sides are root; orders and answers are files of root's.
struct IncludeHelper: Sendable {
    static let unit = "convoy-include.service"

    struct Order: Codable {
        var includeFile: String
        var deed: IncludeDeed
    }

    struct Answer: Codable {
        struct Refusal: Codable {
            var code: Failure.Code
            var what: String
            var why: String
            var next: String
        }

        var refusal: Refusal?
    }

    let layout: FleetLayout
    private let files = PosixFiles()

    init(layout: FleetLayout) { self.layout = layout }

    // MARK: The supervisor's side

    func perform(_ deed: IncludeDeed, _ includeFile: String, by units: SystemdUnits) async throws {
        try files.remove(layout.includeAnswer)
        try write(Order(includeFile: includeFile, deed: deed), to: layout.includeOrder)
        defer { try? files.remove(layout.includeOrder) }
        try await units.start(Self.unit)
        guard let answer: Answer = try read(layout.includeAnswer) else {
            throw Failure(
                .failed, "cannot change the nginx that includes \(includeFile)", because: "\(Self.unit) broke off",
                next: "`journalctl -u \(Self.unit)` tells more")
        }
        try files.remove(layout.includeAnswer)
        guard let refusal = answer.refusal else { return }
        throw Failure(refusal.code, refusal.what, because: refusal.why, next: refusal.next)
    }

    // MARK: The unit's side

    func carryOut() async throws {
        guard let order: Order = try read(layout.includeOrder) else {
            throw Failure(
                .usage, "cannot change another nginx", because: "\(layout.includeOrder) holds no order",
                next: "it is the supervisor that starts \(Self.unit)")
        }
        let edge = IncludeEdge(
            configuration: layout.edgeConfiguration, includeFile: order.includeFile, gateSocket: layout.gateSocket)
        var answer = Answer()
        do {
            try await edge.perform(order.deed)
        } catch {
            let failure =
                error as? Failure
                ?? Failure(.failed, "cannot change another nginx", because: "\(error)", next: "run it again")
            answer.refusal = Answer.Refusal(
                code: failure.code, what: failure.what, why: failure.why, next: failure.next)
        }
        try write(answer, to: layout.includeAnswer)
    }

    private func write(_ value: some Encodable, to path: String) throws {
        try files.write(path, try StableJSON.text(value), mode: 0o600)
    }

    private func read<Value: Decodable>(_ path: String) throws -> Value? {
        try files.read(path).flatMap { try? JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
    }
}
