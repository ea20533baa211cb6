import Fleet
import Foundation
import Glibc

/// A client on a unix socket that says exactly what a test wants, however wrong.
struct UnixClient: Sendable {
    struct Answer: Sendable {
        /// 0 when there was no answer.
        var status: Int
        var text: String
        var json: JSONValue
        var raw: String
    }

    let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let raw = descriptor
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            Glibc.close(raw)
            throw POSIXError(.ECONNREFUSED)
        }
    }

    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    /// All that comes until the other side closes.
    func receiveAll() async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65536)
                while true {
                    let count = recv(descriptor, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    bytes += buffer[..<count]
                }
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    func close() { Glibc.close(descriptor) }

    static func exchange(_ path: String, _ text: String) async throws -> Answer {
        let client = try UnixClient(path)
        defer { client.close() }
        client.send(text)
        let raw = await client.receiveAll()
        let status = raw.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let body = raw.range(of: "\r\n\r\n").map { String(raw[$0.upperBound...]) } ?? ""
        let json = (try? JSONDecoder().decode(JSONValue.self, from: Data(body.utf8))) ?? .null
        return Answer(status: status, text: body, json: json, raw: raw)
    }
}
