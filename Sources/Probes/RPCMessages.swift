import Fleet
import Foundation
import Planning
import Ports

/// The answer to one JSON-RPC request.
enum RPCAnswer: Sendable, Equatable {
    case result(JSONValue)
    case error(RPCError)

    /// Only a result is any use to the caller.
    func unwrapped() throws -> JSONValue {
        switch self {
        case .result(let value): value
        case .error(let error): throw error.fault
        }
    }
}

struct RPCError: Error, Sendable, Equatable, CustomStringConvertible {
    static let headerMismatch = -32020
    static let unsupportedVersion = -32022

    var code: Int
    var message: String
    var data: JSONValue?

    /// Servers built on FastMCP answer so beyond their rate limit, probes included.
    var isBusy: Bool { message.lowercased().contains("rate limit") }

    var fault: ProbeFault { ProbeFault(description, busy: isBusy) }

    var description: String { "JSON-RPC error \(code): \(Excerpt(message))" }
}

enum RPCMessage {
    static func request(id: Int, _ method: String, _ params: JSONValue) throws -> [UInt8] {
        try encode(
            .object(["jsonrpc": .string("2.0"), "id": .integer(id), "method": .string(method), "params": params]))
    }

    static func notification(_ method: String) throws -> [UInt8] {
        try encode(.object(["jsonrpc": .string("2.0"), "method": .string(method)]))
    }

    /// Nil for a message that is no answer at all: servers may send requests and notifications
    /// before it. An error may lack the id: that goes with a request that was not understood.
    static func answer(to id: Int, in bytes: [UInt8]) throws -> RPCAnswer? {
        let message = try parse(bytes)
        if message.arrayValue != nil { throw ProbeFault("a JSON-RPC batch instead of one answer") }
        guard message["jsonrpc"]?.stringValue == "2.0" else { throw ProbeFault("not JSON-RPC 2.0: \(quote(bytes))") }
        if message["method"] != nil { return nil }
        let error = try message["error"].flatMap { $0 == .null ? nil : try parseError($0) }
        let anonymous = error != nil && (message["id"] ?? .null) == .null
        guard message["id"] == .integer(id) || anonymous else {
            throw ProbeFault("the answer is for request \(describe(message["id"])), not for \(id)")
        }
        if let error { return .error(error) }
        guard let result = message["result"] else { throw ProbeFault("neither result nor error: \(quote(bytes))") }
        return .result(result)
    }

    static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        do {
            return try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw ProbeFault("not JSON: \(quote(bytes))")
        }
    }

    private static func encode(_ value: JSONValue) throws -> [UInt8] {
        do {
            return Array(try JSONEncoder().encode(value))
        } catch {
            throw ProbeFault("cannot write the request as JSON: a number is not finite")
        }
    }

    private static func parseError(_ value: JSONValue) throws -> RPCError {
        guard let code = value["code"]?.integerValue else { throw ProbeFault("a JSON-RPC error without a code") }
        return RPCError(code: code, message: value["message"]?.stringValue ?? "", data: value["data"])
    }

    private static func describe(_ id: JSONValue?) -> String {
        switch id {
        case .integer(let number): String(number)
        case .string(let text): "\"\(Excerpt(text, length: 40))\""
        case .none, .null: "none"
        default: "something else"
        }
    }

    static func quote(_ bytes: [UInt8]) -> Excerpt {
        // 2 KiB is more than an excerpt shows, and a body may be megabytes.
        Excerpt(String(decoding: bytes.prefix(2048), as: UTF8.self))
    }
}
