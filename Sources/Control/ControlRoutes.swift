import Fleet
import Foundation
import NIOHTTP1
import Ports

struct ControlRequest: Sendable {
    var method: HTTPMethod
    /// Path with query, as sent.
    var target: String
    var version: String?
    var fence: String?
    var body: Data

    /// Only questions may be cut short when the asker goes away; a step of a rollout is carried out.
    var endsWithItsClient: Bool { method == .GET }
}

struct ControlResponse: Sendable {
    var status: HTTPResponseStatus
    var body: Data

    static func failure(_ failure: Failure, _ status: HTTPResponseStatus) -> ControlResponse {
        // A document of four texts always encodes.
        ControlResponse(status: status, body: (try? ControlProtocol.encode(FailureDocument(failure))) ?? Data())
    }

    static func failure(_ failure: Failure) -> ControlResponse {
        let status: HTTPResponseStatus =
            switch failure.code {
            case .usage: .badRequest
            case .badSpec: .unprocessableEntity
            case .leaseHeld, .differencesFound: .conflict
            case .unavailable: .serviceUnavailable
            case .failed, .revertFailed: .internalServerError
            }
        return .failure(failure, status)
    }
}

/// The endpoints below `/v1`, one per method of `FleetControl`.
struct ControlRoutes: Sendable {
    let control: any FleetControl
    let leases: any LeaseGuard
    /// Nil: a supervisor that does not look for drift.
    var drift: (any DriftControl)?

    func respond(to request: ControlRequest) async -> ControlResponse {
        guard request.version == ControlProtocol.version else {
            return .failure(Self.skew(request.version), .upgradeRequired)
        }
        do {
            return ControlResponse(status: .ok, body: try await carryOut(request))
        } catch let refusal as Refusal {
            let failure = Failure(
                .usage, "the supervisor refuses the request", because: refusal.why,
                next: "use the convoy that belongs to it")
            return .failure(failure, refusal.status)
        } catch {
            return .failure(Failure(anything: error))
        }
    }

    private func carryOut(_ request: ControlRequest) async throws -> Data {
        guard let target = URLComponents(string: request.target) else { throw Refusal.badRequest("not a path") }
        let query = Query(target.queryItems ?? [])
        let path = target.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard path.first == "v1" else { throw Refusal.unknown(target.path) }
        switch (request.method, path.count > 1 ? path[1] : "", path.count) {
        case (.GET, "status", 2):
            let newerThan = try query.integer("newerThan")
            let timeout = min(try query.seconds("timeout") ?? 0, Seconds(ControlProtocol.longestPoll))
            return try ControlProtocol.encode(try await control.status(newerThan: newerThan, timeout: timeout))
        case (.PUT, "generations", 3):
            let (plan, names) = (try plan(try number(path[2]), request.body), query.names("only"))
            try await admit(request)
            try await control.begin(plan, only: names)
        case (.DELETE, "generations", 3):
            let (generation, drain) = (try number(path[2]), try query.drain())
            let names = query.names("only")
            try await admit(request)
            return try ControlProtocol.encode(try await control.retire(generation, only: names, drain: drain))
        case (.POST, "generations", 4) where path[3] == "rehearsal":
            try await control.rehearse(try plan(try number(path[2]), request.body))
        case (.POST, "generations", 4): try await move(try number(path[2]), path[3], query, request)
        case (.GET, "generations", 4) where path[3] == "offer":
            let offer = try await control.offer(of: try number(path[2]))
            return try ControlProtocol.encode(OfferDocument(offer: offer))
        case (.GET, "host", 3) where path[2] == "guests":
            return try ControlProtocol.encode(try await control.guests())
        case (.POST, "host", 3): return try await live(path[2], query, request)
        case (.GET, "drift", 2) where drift != nil: return try ControlProtocol.encode(try await drift?.survey())
        case (.POST, "drift", 3) where path[2] == "heal" && drift != nil:
            try await admit(request)
            return try ControlProtocol.encode(try await drift?.heal())
        case (.POST, "check", 2): try await control.check()
        case (.POST, "shutdown", 2):
            let drain = try query.drain()
            try await admit(request)
            try await control.shutdown(drain: drain)
        default: throw Refusal.unknown("\(request.method.rawValue) \(target.path)")
        }
        return Data("{}".utf8)
    }

    /// In the last moment before it is acted: an operator that was stopped on the way here may be late by now.
    private func admit(_ request: ControlRequest) async throws {
        guard let text = request.fence else { return try await leases.admit(nil) }
        guard let fence = Int(text), fence > 0 else { throw Refusal.badRequest("not a lease: \(text)") }
        try await leases.admit(fence)
    }

    /// What moves traffic.
    private func move(_ generation: Int, _ how: String, _ query: Query, _ request: ControlRequest) async throws {
        switch how {
        case "share":
            let part = try query.part()
            try await admit(request)
            try await control.share(generation, part: part)
        case "balance":
            try await admit(request)
            try await control.balance(generation)
        case "flip":
            try await admit(request)
            try await control.flip(to: generation)
        case "promise":
            guard let patience = try query.seconds("patience") else { throw Refusal.badRequest("patience is missing") }
            try await admit(request)
            try await control.promise(generation, patience: patience)
        case "lend":
            let part = try query.has("part") ? query.part() : nil
            try await admit(request)
            try await control.lend(generation, part: part)
        case "attempt", "hold", "seal", "finish":
            try await admit(request)
            try await decide(generation, how)
        default: throw Refusal.unknown("\(request.method.rawValue) \(request.target)")
        }
    }

    /// Whom this host serves. Nobody needs a lease to tell it that it is behind: what is older than its welcome
    /// counts for nothing.
    private func live(_ how: String, _ query: Query, _ request: ControlRequest) async throws -> Data {
        func number(_ name: String) throws -> Int {
            guard let number = try query.integer(name), number > 0 else {
                throw Refusal.badRequest("\(name) is missing")
            }
            return number
        }
        switch how {
        case "cordon":
            try await admit(request)
            try await control.cordon()
        case "drain":
            guard let deadline = try query.seconds("deadline") else { throw Refusal.badRequest("deadline is missing") }
            try await admit(request)
            return try ControlProtocol.encode(try await control.drain(deadline: deadline))
        case "uncordon":
            let generation = try number("generation")
            try await admit(request)
            try await control.uncordon(generation: generation)
        case "leave": try await control.leave(rollout: try number("rollout"))
        case "welcome":
            let (generation, rollout) = (try number("generation"), try number("rollout"))
            try await admit(request)
            try await control.welcome(generation: generation, upTo: rollout)
        default: throw Refusal.unknown("\(request.method.rawValue) \(request.target)")
        }
        return Data("{}".utf8)
    }

    /// Of a flip that several hosts make together.
    private func decide(_ generation: Int, _ how: String) async throws {
        switch how {
        case "attempt": try await control.attempt(generation)
        case "hold": try await control.hold(generation)
        case "seal": try await control.seal(generation)
        default: try await control.finish(generation)
        }
    }

    private func plan(_ generation: Int, _ body: Data) throws -> GenerationPlan {
        let plan: GenerationPlan
        do {
            plan = try ControlProtocol.decode(GenerationPlan.self, from: body)
        } catch {
            throw Refusal.badRequest("the body is not a generation plan: \(error)")
        }
        guard plan.number == generation else {
            throw Refusal.badRequest("the plan is for generation \(plan.number), the path for \(generation)")
        }
        return plan
    }

    private func number(_ text: String) throws -> Int {
        guard let number = Int(text), number > 0 else { throw Refusal.badRequest("not a generation: \(text)") }
        return number
    }

    private static func skew(_ theirs: String?) -> Failure {
        Failure(
            .failed, "this convoy and the supervisor do not speak the same control protocol",
            because: "the supervisor speaks version \(ControlProtocol.version), the request "
                + (theirs.map { "version \($0)" } ?? "names no version"),
            next: "use the convoy that the supervisor was started with")
    }
}

struct Refusal: Error {
    var status: HTTPResponseStatus
    var why: String

    static func badRequest(_ why: String) -> Refusal { Refusal(status: .badRequest, why: why) }
    static func unknown(_ what: String) -> Refusal { Refusal(status: .notFound, why: "there is no \(what)") }
}

/// Typed query parameters; what is malformed is refused, never guessed.
private struct Query {
    let items: [URLQueryItem]

    init(_ items: [URLQueryItem]) { self.items = items }

    func integer(_ name: String) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text) else { throw Refusal.badRequest("\(name) is not a whole number") }
        return number
    }

    func seconds(_ name: String) throws -> Seconds? {
        guard let text = value(name) else { return nil }
        guard let number = Double(text), number.isFinite, number >= 0, number <= 86_400 else {
            throw Refusal.badRequest("\(name) is not a number of seconds from 0 to 86400")
        }
        return Seconds(number)
    }

    func drain() throws -> Seconds {
        guard let drain = try seconds("drain") else { throw Refusal.badRequest("drain is missing") }
        return drain
    }

    func part() throws -> Double {
        guard let text = value("part"), let part = Double(text), (0...1).contains(part) else {
            throw Refusal.badRequest("part is missing, or not a number from 0 to 1")
        }
        return part
    }

    func has(_ name: String) -> Bool { items.contains { $0.name == name } }

    /// `a,b`; nil when it is not there.
    func names(_ name: String) -> Set<String>? {
        value(name).map { Set($0.split(separator: ",").map(String.init)) }
    }

    private func value(_ name: String) -> String? { items.first { $0.name == name }?.value }
}
