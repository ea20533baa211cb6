import Admission
import Fleet
import Foundation
import NIOHTTP1

/// What the gate can ask, as HTTP.
struct RefresherRoutes: Sendable {
    /// A token is at most 8 KiB; JSON may need more for it.
    static let bodyLimit = 32 << 10

    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var body: Data
    }

    let refresher: Refresher

    /// `target` is path with query, as sent.
    func answer(_ method: HTTPMethod, _ target: String, _ body: [UInt8]) async -> Answer {
        do throws(RefresherRefusal) {
            let path = String(target.prefix { $0 != "?" })
            switch (method, path) {
            case (.GET, "/keys"): return try await keys(try Query(target.dropFirst(path.count + 1)))
            case (.POST, "/introspect"): return try await introspect(body)
            case (.GET, "/healthz"): return .json(.ok, try await refresher.health())
            default: throw .unknown("nothing is asked for here like that")
            }
        } catch {
            switch error {
            case .malformed(let reason): return .reason(.badRequest, reason)
            case .unknown(let reason): return .reason(.notFound, reason)
            case .cannotTell(let reason): return .reason(.serviceUnavailable, reason)
            }
        }
    }

    private func keys(_ query: Query) async throws(RefresherRefusal) -> Answer {
        guard let issuer = query["issuer"] else { throw .malformed("which issuer's keys is not said") }
        guard let keeper = try refresher.desk(issuer).keeper else { throw .unknown("no keys are kept for the issuer") }
        do throws(IssuerFault) {
            let kept = try await keeper.keys(fresh: query["fresh"] == "1")
            return .json(.ok, KeysDocument(issuer: issuer, jwks: kept.jwks, fetchedAt: kept.fetchedAt))
        } catch { throw .cannotTell(error.description) }
    }

    private func introspect(_ body: [UInt8]) async throws(RefresherRefusal) -> Answer {
        // No echo of the body, and no words of the parser's: it holds a token.
        guard case .object(let question)? = try? StrictJSON.parse(body), let issuer = question["issuer"]?.stringValue,
            let token = question["token"]?.stringValue, (1...8192).contains(token.utf8.count),
            token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .malformed("no JSON object with issuer and token") }
        guard let introspector = try refresher.desk(issuer).introspector else {
            throw .unknown("the issuer is not asked about tokens")
        }
        do throws(IssuerFault) { return .json(.ok, try await introspector.introspect(Secret(token))) } catch {
            throw .cannotTell(error.description)
        }
    }
}

/// The answer of `GET /keys`.
private struct KeysDocument: Encodable {
    var issuer: String
    var jwks: JSONValue
    var fetchedAt: Double
}

private struct ReasonDocument: Encodable { var reason: String }

extension RefresherRoutes.Answer {
    static func json(_ status: HTTPResponseStatus, _ value: some Encodable) -> Self {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let body = try? encoder.encode(value) else {
            return Self(status: .internalServerError, body: Data(#"{"reason":"the answer can't be written"}"#.utf8))
        }
        return Self(status: status, body: body)
    }

    static func reason(_ status: HTTPResponseStatus, _ reason: String) -> Self {
        json(status, ReasonDocument(reason: reason))
    }
}

/// Names and values behind the `?`; a name that is there twice is refused.
private struct Query {
    private var values: [String: String] = [:]

    init(_ text: Substring) throws(RefresherRefusal) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = String(parts[0]).removingPercentEncoding,
                let value = String(parts[1]).removingPercentEncoding, values.updateValue(value, forKey: name) == nil
            else { throw .malformed("the query can't be read") }
        }
    }

    subscript(name: String) -> String? { values[name] }
}
