import Fleet
import Foundation
import NIOHTTP1
import Planning

/// A request to a supervisor as it crosses the wire between two convoys: one JSON object a line, in any order.
struct ControlLine: Codable, Sendable {
    var id: Int
    var method: String
    /// Below `/v1/`, with its query.
    var target: String
    var fence: Int?
    /// JSON.
    var body: String?
    /// Seconds that it may take.
    var limit: Double

    func line() throws -> String { String(decoding: try ControlProtocol.encode(self), as: UTF8.self) }
}

/// What the supervisor said, by the same number, or why nobody could ask it.
struct ControlReply: Codable, Sendable {
    var id: Int
    var status: UInt = 0
    /// Of the control protocol, as the supervisor names it.
    var version: String?
    var body = ""
    var fault: FailureDocument?

    func line() throws -> String { String(decoding: try ControlProtocol.encode(self), as: UTF8.self) }
}

/// A way to a supervisor's control.
protocol ControlWay: Sendable {
    /// Throws a `Failure` when nobody could be asked; what the supervisor said is the answer, whatever it is.
    func exchange(_ request: ControlLine) async throws -> ControlReply
    func close() async
}
