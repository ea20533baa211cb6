import Foundation
import Glibc
import Synchronization

/// An HTTP server whose every answer is a test's own doing, byte for byte. One thread per
/// connection; closes the connection after each answer unless the script holds it.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        /// Lower-case names.
        var headers: [String: String]
        var body: [UInt8]

        var json: [String: Any] {
            ((try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]) ?? [:]
        }
        var rpcMethod: String { json["method"] as? String ?? "" }
        var rpcID: Int { json["id"] as? Int ?? -1 }
    }

    struct Connection: Sendable {
        let descriptor: Int32

        @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// False when the other side has gone.
        @discardableResult func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }

        func answer(_ status: Int, _ body: String, type: String = "application/json", headers: [String] = []) {
            let extra = headers.map { $0 + "\r\n" }.joined()
            send(
                "HTTP/1.1 \(status) X\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
                    + "\(extra)\r\n\(body)"
            )
        }

        /// Returns when the client has closed its side.
        func waitForClose() {
            var byte: UInt8 = 0
            while recv(descriptor, &byte, 1, 0) > 0 {}
        }
    }

    typealias Script = @Sendable (Request, Connection) -> Void

    let port: Int
    private let listener: Int32
    private let script: Script
    private let log = Mutex<[Request]>([])
    private let live = Mutex(0)

    init(_ script: @escaping Script) throws {
        self.script = script
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in acceptAll() }
    }

    var endpoint: String { "http://127.0.0.1:\(port)/mcp" }
    var requests: [Request] { log.withLock { $0 } }
    /// Connections that are not over yet, as this side sees them.
    var connections: Int { live.withLock { $0 } }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            live.withLock { $0 += 1 }
            Thread.detachNewThread { [self] in
                if let request = receive(descriptor) {
                    log.withLock { $0.append(request) }
                    script(request, Connection(descriptor: descriptor))
                }
                close(descriptor)
                live.withLock { $0 -= 1 }
            }
        }
        close(listener)
    }

    private func receive(_ descriptor: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            if let request = parse(bytes) { return request }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    private func parse(_ bytes: [UInt8]) -> Request? {
        let separator = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: separator) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].components(separatedBy: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            headers[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
        }
        let body = Array(bytes[(end + 4)...])
        guard body.count >= Int(headers["content-length"] ?? "0") ?? 0 else { return nil }
        return Request(method: words[0], path: words[1], headers: headers, body: body)
    }
}
