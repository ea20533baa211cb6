import Dispatch
import Fleet
import Foundation
import Synchronization

@testable import Gate

/// A refresher that says what it is told to say, when it is told to.
final class FakeRefresher: Sendable {
    private struct State: Sendable {
        var jwks: [String: JSONValue] = [:]
        var fetchedAt: Double = GateFixture.now
        var words: [String: JSONValue] = [:]
        var status = 200
        var questions: [String] = []
        var holds = false
        var stopped = false
        var held: [DispatchSemaphore] = []
    }

    private let listener: Int32
    private let path: String
    private let state = Mutex(State())

    init(_ path: String) throws {
        self.path = path
        unlink(path)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 511) == 0 else { throw UnixClient.Fault(what: "listen on \(path)") }
        Thread { [self] in accept() }.start()
    }

    func stop() {
        release()
        let isFirst = state.withLock { state in
            defer { state.stopped = true }
            return !state.stopped
        }
        guard isFirst else { return }
        // Its thread closes it: the number may be somebody else's as soon as it is closed.
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
    }

    func publish(_ issuer: String, _ jwks: JSONValue, fetchedAt: Double = GateFixture.now) {
        state.withLock {
            $0.jwks[issuer] = jwks
            $0.fetchedAt = fetchedAt
        }
    }

    func tell(_ token: String, _ answer: JSONValue) { state.withLock { $0.words[token] = answer } }
    /// Status of every answer from now on; 0 = nonsense.
    func answer(_ status: Int) { state.withLock { $0.status = status } }
    /// No answer until `release`.
    func hold() { state.withLock { $0.holds = true } }

    func release() {
        let held = state.withLock { state in
            state.holds = false
            defer { state.held = [] }
            return state.held
        }
        for semaphore in held { semaphore.signal() }
    }

    /// First line and body of each question.
    var questions: [String] { state.withLock { $0.questions } }
    func count(_ part: String) -> Int { questions.count { $0.contains(part) } }

    func untilAsked(_ part: String, _ count: Int = 1) async throws { try await until { self.count(part) >= count } }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else {
                close(listener)
                return
            }
            Thread { [self] in
                serve(connection)
                close(connection)
            }.start()
        }
    }

    private func serve(_ connection: Int32) {
        guard let (line, body) = Self.read(connection) else { return }
        let semaphore = DispatchSemaphore(value: 0)
        let waits = state.withLock { state in
            state.questions.append(line + body)
            if state.holds { state.held.append(semaphore) }
            return state.holds
        }
        if waits { semaphore.wait() }
        let (status, answer) = state.withLock { Self.answer(line, body, $0) }
        if state.withLock({ $0.stopped }) { return }
        let text = (try? StableJSON.text(answer)) ?? ""
        let head =
            "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n"
        let bytes = status == 0 ? Array("nonsense\r\n\r\n".utf8) : Array((head + text).utf8)
        _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    private static func answer(_ line: String, _ body: String, _ state: State) -> (Int, JSONValue) {
        guard state.status == 200 else { return (state.status, .object(["reason": .string("told to fail")])) }
        if line.hasPrefix("POST /introspect "),
            let question = try? JSONDecoder().decode([String: String].self, from: Data(body.utf8))
        {
            return (200, state.words[question["token"] ?? ""] ?? .object(["active": .bool(false)]))
        }
        let query = line.split(separator: " ")[1].split(separator: "?").last ?? ""
        let issuer = query.split(separator: "&").first?.dropFirst("issuer=".count).description.removingPercentEncoding
        guard let issuer, let jwks = state.jwks[issuer] else { return (404, .object([:])) }
        return (
            200, .object(["issuer": .string(issuer), "jwks": jwks, "fetchedAt": .number(state.fetchedAt)])
        )
    }

    private static func read(_ connection: Int32) -> (String, String)? {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            if let end = text.range(of: "\r\n\r\n") {
                let length =
                    text.lowercased().range(of: "content-length: ").map { text.lowercased()[$0.upperBound...] }
                    .flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
                let body = text[end.upperBound...]
                if body.utf8.count >= length {
                    return (String(text.prefix { $0 != "\r\n" }), String(body))
                }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            if count <= 0 { return nil }
            text += String(decoding: chunk[..<count], as: UTF8.self)
        }
    }
}
