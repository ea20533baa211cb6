import Fleet
import Foundation

/// How `convoy host` is spoken to: one JSON object a line, first a hello, then requests; each is answered by any
/// number of words on the way and one end.
package enum HostProtocol {
    /// Raised with every change that the other side could misread.
    package static let version = 1
    /// Longer lines are nobody's.
    package static let longestLine = 16 << 20

    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        // On one line, and no line break of any kind in it.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func read<Value: Decodable>(_ type: Value.Type, _ line: String) -> Value? {
        guard line.utf8.count <= longestLine else { return nil }
        return try? JSONDecoder().decode(type, from: Data(line.utf8))
    }
}

/// The first line of who asks.
package struct HostHello: Sendable, Equatable, Codable {
    package var `protocol`: Int
    package var convoy: String

    package init(protocol version: Int = HostProtocol.version, convoy: String) {
        self.protocol = version
        self.convoy = convoy
    }

    package func line() throws -> String { try HostProtocol.line(self) }
    package init?(line: String) {
        guard let hello = HostProtocol.read(Self.self, line) else { return nil }
        self = hello
    }
}

package struct HostRequest: Sendable, Equatable, Codable {
    package enum Verb: String, Sendable, Codable, CaseIterable {
        /// Says nothing but that it is here.
        case hello
        /// `HostFacts` of this host.
        case facts
        /// `HostPlan`: what `up` would do.
        case plan
        /// Puts a packed release (`archive`, `digest`) into the store.
        case receive
        case up
        /// Tries the firewall's rules; they go by themselves unless `confirm` comes. `{"tried": BOOL}`.
        case firewall
        /// Makes the rules that are tried stay.
        case confirm
        /// The fleet's status document.
        case status
        /// Has the supervisor run, of a host that is driven from elsewhere: `{"started": BOOL}`.
        case wake
        /// Whether a release (`digest`) is not here, whole: `{"lacks": BOOL}`.
        case lacks
        /// Why this host can't take a generation (`plan`): `{"fault": TEXT or null}`.
        case room
        /// Writes what instances of a generation (`plan`) need, with their users' `passwords`; under `fence`.
        case keep
        /// Takes away what is there of all instances but those named (`instances`, by commas); under `fence`.
        case sweep
        /// Stops all of the fleet here and takes it away, for a host that is one of it no more; under `fence`.
        case forget
        /// Keeps by which user this host reads the fleet's ledger (`mark`), under `fence`. Without one: whether it has
        /// one that works, `{"reads": BOOL}`.
        case reader
        /// The first `LogPage` of a `question` (`LogQuestion`).
        case logs
        /// The next one, within a second; it is empty when nothing came.
        case more
        /// `DriftSurvey` of this host, complete.
        case survey
        /// Has the supervisor put right what is safe; under `fence`. What it did, in words.
        case mend

        /// For people who wait for it.
        package var words: String {
            switch self {
            case .hello, .status: "asking"
            case .facts, .room: "examining"
            case .plan: "comparing"
            case .receive: "unpacking the release"
            case .up: "coming up"
            case .firewall, .confirm: "trying the firewall"
            case .wake: "waking the supervisor"
            case .lacks: "checking the release"
            case .keep: "writing what instances need"
            case .sweep: "tidying up"
            case .logs, .more: "reading logs"
            case .survey: "looking at everything"
            case .mend: "putting right"
            case .forget: "taking the fleet away"
            case .reader: "giving it a way to read the ledger"
            }
        }
    }

    package var ask: Verb
    package var with: [String: String]

    package init(_ ask: Verb, with: [String: String] = [:]) {
        self.ask = ask
        self.with = with
    }

    package func line() throws -> String { try HostProtocol.line(self) }
    package init?(line: String) {
        guard let request = HostProtocol.read(Self.self, line) else { return nil }
        self = request
    }
}

/// What a host says.
package struct HostReply: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Codable {
        /// To a hello: `protocol` and `convoy` are its own. `skewed` is its last line.
        case welcome, skewed
        /// On the way: `text`.
        case step, detail
        /// The end of one request: `answer`, or `failure`.
        case done, failed
    }

    package struct Fault: Sendable, Equatable, Codable {
        package var code: Failure.Code
        package var what: String
        package var why: String
        package var next: String
    }

    package var kind: Kind
    package var text: String?
    package var `protocol`: Int?
    package var convoy: String?
    package var answer: JSONValue?
    package var failure: Fault?

    private init(_ kind: Kind) { self.kind = kind }

    package static func greeting(_ kind: Kind, convoy: String) -> HostReply {
        var reply = HostReply(kind)
        reply.protocol = HostProtocol.version
        reply.convoy = convoy
        return reply
    }

    package static func word(_ kind: Kind, _ text: String) -> HostReply {
        var reply = HostReply(kind)
        reply.text = text
        return reply
    }

    package static func done(_ answer: JSONValue) -> HostReply {
        var reply = HostReply(.done)
        reply.answer = answer
        return reply
    }

    package static func failed(_ failure: Failure) -> HostReply {
        var reply = HostReply(.failed)
        reply.failure = Fault(code: failure.code, what: failure.what, why: failure.why, next: failure.next)
        return reply
    }

    package func line() throws -> String { try HostProtocol.line(self) }
    package init?(line: String) {
        guard let reply = HostProtocol.read(Self.self, line) else { return nil }
        self = reply
    }
}

/// What `up` would do on a host.
package struct HostPlan: Sendable, Equatable, Codable {
    /// In words; empty: nothing.
    package var changes: [String]
    package var firewall: Bool

    package init(changes: [String], firewall: Bool) {
        self.changes = changes
        self.firewall = firewall
    }
}

extension JSONValue {
    /// As a value of the JSON that `value` is.
    package init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: try JSONEncoder().encode(value))
    }

    package func decoded<Value: Decodable>(_ type: Value.Type) -> Value? {
        guard let data = try? JSONEncoder().encode(self) else { return nil }
        return try? JSONDecoder().decode(type, from: data)
    }
}
