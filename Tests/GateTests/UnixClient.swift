import Glibc

/// A blocking client of a unix socket, raw enough to send what no HTTP library would.
final class UnixClient {
    struct Answer: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    struct Fault: Error { var what: String }

    private let descriptor: Int32
    private var received: [UInt8] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Fault(what: "connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Fault(what: "send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits until the other side has read every byte sent so far.
    func untilRead() async throws {
        let descriptor = descriptor
        try await until {
            var unread: Int32 = 0
            // TIOCOUTQ of a unix stream: what the peer has not taken yet.
            return ioctl(descriptor, UInt(TIOCOUTQ), &unread) != 0 || unread == 0
        }
    }

    /// Nil when the other side closed instead.
    func answer() async throws -> Answer? {
        while true {
            if let end = headEnd() { return try await parse(headEnd: end) }
            guard try await receive() else { return nil }
        }
    }

    /// Whether the other side has closed, with nothing more to say.
    func isClosed() async throws -> Bool {
        guard received.isEmpty else { return false }
        return try await !receive()
    }

    private func receive() async throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        var count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        let deadline = ContinuousClock.now + .seconds(60)
        // Never blocking: the threads that tests run on are few, and the gate under test needs them too.
        while count < 0, errno == EAGAIN, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
            count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        }
        if count < 0, errno == ECONNRESET { return false }
        guard count >= 0 else { throw Fault(what: "recv: \(String(cString: strerror(errno)))") }
        received += chunk[..<count]
        return count > 0
    }

    private func headEnd() -> Int? {
        guard received.count >= 4 else { return nil }
        return (0...received.count - 4).first { received[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
    }

    private func parse(headEnd: Int) async throws -> Answer {
        let lines = String(decoding: received[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw Fault(what: "status line \(lines[0])") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let length = headers["content-length"].flatMap(Int.init) ?? 0
        while received.count < headEnd + 4 + length {
            guard try await receive() else { throw Fault(what: "closed within a body") }
        }
        let body = String(decoding: received[(headEnd + 4)..<(headEnd + 4 + length)], as: UTF8.self)
        received.removeFirst(headEnd + 4 + length)
        return Answer(status: status, headers: headers, body: body)
    }
}
