import Daemons
import Fleet
import Foundation
import Ports
import Testing

@testable import Control

@Suite("ControlClient")
struct ControlClientTests {
    private func failure(at path: String) async -> Failure? {
        let client = ControlClient(socket: path, slack: 1)
        var found: Failure?
        do { _ = try await client.status(newerThan: nil, timeout: 0) } catch { found = error as? Failure }
        await client.close()
        return found
    }

    @Test("no socket and a dead socket mean that the supervisor is not running")
    func notRunning() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/convoy-\(UUID().uuidString).sock"
        for dead in [false, true] {
            if dead { close(try SocketFile.bind(path, mode: 0o600)) }
            let failure = await failure(at: path)
            #expect(failure?.code == .unavailable)
            #expect(failure?.why == "supervisor is not running (\(path))")
            #expect(failure?.next == "convoy up")
        }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test("a supervisor that does not speak our protocol is named as the reason")
    func skew() async throws {
        let other = "HTTP/1.1 200 OK\r\nConvoy-Control: 2\r\nContent-Length: 2\r\n\r\n{}"
        let failure = try await failure(against: other)
        #expect(failure?.why == "this convoy speaks version 1, the supervisor version 2")
        let foreign = try await self.failure(against: "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
        #expect(foreign?.why == "this convoy speaks version 1, the supervisor names no version")
    }

    @Test("answers that can't be read, or never come, are failures with a next step")
    func garbled() async throws {
        for answer in [
            "rubbish\r\n\r\n", "", "HTTP/1.1 500 X\r\nConvoy-Control: 1\r\n\r\n",
        ] {
            let failure = try await failure(against: answer)
            #expect(failure?.code == .unavailable)
            #expect(failure?.next == "convoy doctor")
        }
    }

    @Test("a status that can't be read is no passing trouble: it says that the supervisor is another convoy")
    func foreignStatus() async throws {
        let head = "HTTP/1.1 200 OK\r\nConvoy-Control: 1\r\nContent-Length: 2\r\n\r\n"
        for answer in [head + "{}", head + "\u{1}x"] {
            let failure = try await failure(against: answer)
            #expect(failure?.code == .failed && failure?.why.contains("can't be read") == true)
            #expect(failure?.next.contains("restart the supervisor") == true)
        }
    }

    /// What the client makes of one scripted answer.
    private func failure(against answer: String) async throws -> Failure? {
        let path = FileManager.default.temporaryDirectory.path + "/convoy-\(UUID().uuidString).sock"
        let listener = try SocketFile.bind(path, mode: 0o600)
        defer { try? FileManager.default.removeItem(atPath: path) }
        listen(listener, 4)
        Thread.detachNewThread {
            let connection = accept(listener, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 65536)
            recv(connection, &buffer, buffer.count, 0)
            let bytes = Array(answer.utf8)
            send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            close(connection)
            close(listener)
        }
        return await failure(at: path)
    }
}
