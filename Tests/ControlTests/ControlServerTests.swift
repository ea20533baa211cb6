import Daemons
import Fleet
import Foundation
import Ports
import Testing

@testable import Control

@Suite("ControlServer")
struct ControlServerTests {
    private func start(_ listener: ControlServer.Listener) async throws -> ControlServer {
        try await ControlServer.start(FakeControl(), on: listener, guardedBy: OpenGuard())
    }

    private func exchange(_ text: String, patience: Seconds = 10) async throws -> (String, [String]) {
        let fake = FakeControl()
        let answer = Box("")
        try await withServer(fake, patience: patience) { path, _ in
            let client = try RawClient(path)
            defer { client.close() }
            client.send(text)
            await answer.set(await client.receiveAll())
        }
        return (await answer.value, await fake.asked)
    }

    @Test(
        "garbage is refused and reaches nobody",
        arguments: [
            "\u{0}\u{1}\u{2}garbage\r\n\r\n", "GET\r\n\r\n", "GET /v1/status SSH/9\r\n\r\n", "\r\n\r\n\r\n\r\n",
            "PUT /v1/generations/1 HTTP/1.1\r\nConvoy-Control: 1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
        ])
    func garbage(text: String) async throws {
        let (answer, asked) = try await exchange(text, patience: 1)
        #expect(!answer.contains(" 200 ") && asked.isEmpty)
    }

    @Test(
        "what is malformed is refused with a reason",
        arguments: [
            ("GET", "/v1/nothing", "", 404), ("GET", "/v2/status", "", 404), ("GET", "/", "", 404),
            ("DELETE", "/v1/status", "", 404), ("GET", "/v1/status?timeout=soon", "", 400),
            ("GET", "/v1/status?timeout=-1", "", 400), ("GET", "/v1/status?timeout=nan", "", 400),
            ("GET", "/v1/status?newerThan=1.5", "", 400), ("DELETE", "/v1/generations/1", "", 400),
            ("DELETE", "/v1/generations/0?drain=1", "", 400), ("POST", "/v1/generations/x/flip", "", 400),
            ("GET", "/v1/generations/x/offer", "", 400), ("GET", "/v1/generations/1/tools", "", 404),
            ("PUT", "/v1/generations/1", "{}", 400), ("PUT", "/v1/generations/1", "\u{0}", 400),
            ("POST", "/v1/shutdown", "", 400),
        ])
    func malformed(method: String, path: String, body: String, status: Int) async throws {
        let (answer, asked) = try await exchange(
            "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                + body)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("\"code\":64") && asked.isEmpty)
    }

    @Test("a plan for another generation than the path's is refused")
    func mismatch() async throws {
        let plan = String(decoding: try ControlProtocol.encode(GenerationPlan.sample(2)), as: UTF8.self)
        let (answer, asked) = try await exchange(
            "PUT /v1/generations/1 HTTP/1.1\r\nConvoy-Control: 1\r\nContent-Length: \(plan.utf8.count)\r\n\r\n"
                + plan)
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && asked.isEmpty)
    }

    @Test("another version of the protocol, or none, is refused and told which one is spoken")
    func skew() async throws {
        for header in ["", "Convoy-Control: 2\r\n"] {
            let (answer, asked) = try await exchange("GET /v1/status HTTP/1.1\r\nHost: x\r\n\(header)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 426 "))
            #expect(answer.contains("Convoy-Control: 1\r\n") && answer.contains("same control protocol"))
            #expect(asked.isEmpty)
        }
    }

    @Test("a body beyond the limit is refused before it is read whole")
    func bodyLimit() async throws {
        let fake = FakeControl()
        try await withServer(fake) { path, _ in
            let client = try RawClient(path)
            defer { client.close() }
            let size = 64 * 1024 * 1024
            client.send(
                "PUT /v1/generations/1 HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\nContent-Length: \(size)\r\n\r\n")
            let answer = Task { await client.receiveAll() }
            let chunk = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
            for _ in 0..<64 where !client.send(chunk) { break }
            let text = await answer.value
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 413 "))
        }
        #expect(await fake.asked.isEmpty)
    }

    @Test("half a request is cut off when its time is up")
    func halfRequest() async throws {
        for half in ["", "GET /v1/sta", "PUT /v1/generations/1 HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"] {
            let (_, asked) = try await exchange(half, patience: 0.2)
            #expect(asked.isEmpty)
        }
    }

    @Test("a client that leaves in the middle of a long poll ends it")
    func leavesPoll() async throws {
        let fake = FakeControl()
        try await withServer(fake) { path, server in
            for _ in 0..<20 {
                let client = try RawClient(path)
                client.send("GET /v1/status?newerThan=1&timeout=60 HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\n\r\n")
                await fake.untilPolled()
                client.close()
                await fake.untilCut()
            }
            while server.connections > 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(await fake.cancelledPolls == 20)
    }

    @Test("a client that leaves in the middle of a step does not cut the step")
    func leavesStep() async throws {
        let fake = FakeControl()
        await fake.holdRetire()
        try await withServer(fake) { path, server in
            let client = try RawClient(path)
            client.send(
                "DELETE /v1/generations/4?drain=1 HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\n"
                    + "Convoy-Fence: \(OpenGuard.fence)\r\n\r\n")
            await fake.untilHeld()
            client.close()
            while server.connections > 0 { try await Task.sleep(for: .milliseconds(1)) }
            await fake.letGo()
            while await fake.asked.count < 2 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(await fake.asked == ["retire 4 1.0", "retire was carried out"])
    }

    @Test("a second request on the same connection is not served")
    func pipelined() async throws {
        let request = "POST /v1/check HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\nContent-Length: 0\r\n\r\n"
        let (_, asked) = try await exchange(request + request)
        #expect(asked.count <= 1)
    }

    @Test("the socket is its owner's alone, from the first moment, and gone at the end")
    func mode() async throws {
        let path = Box("")
        try await withServer(FakeControl()) { socket, _ in
            await path.set(socket)
            let attributes = try FileManager.default.attributesOfItem(atPath: socket)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
        #expect(!FileManager.default.fileExists(atPath: await path.value))
    }

    @Test("a socket left by a killed supervisor is replaced, a live one and a file never are")
    func stale() async throws {
        try await withServer(FakeControl()) { path, _ in
            let stale = path + ".old"
            close(try SocketFile.bind(stale, mode: 0o600))
            let server = try await start(.path(stale))
            await server.stop()
            await #expect(throws: Failure.self) { _ = try await start(.path(path)) }
            let file = path + ".txt"
            try Data("precious".utf8).write(to: URL(fileURLWithPath: file))
            await #expect(throws: Failure.self) { _ = try await start(.path(file)) }
            #expect(FileManager.default.contents(atPath: file) == Data("precious".utf8))
            let long = path + String(repeating: "x", count: 120)
            await #expect(throws: Failure.self) { _ = try await start(.path(long)) }
        }
    }

    @Test("an inherited descriptor is served")
    func inherited() async throws {
        try await withServer(FakeControl()) { path, _ in
            let descriptor = try SocketFile.bind(path + "2", mode: 0o600)
            let server = try await start(.inherited(descriptor))
            let client = ControlClient(socket: path + "2")
            let report = try await client.status(newerThan: nil, timeout: 0)
            #expect(report.revision == 1)
            await client.close()
            await server.stop()
        }
    }

    @Test("only the same user and root are trusted")
    func peers() {
        #expect(PeerCredentials(pid: 1, user: geteuid(), group: 9).isTrusted)
        #expect(PeerCredentials(pid: 1, user: 0, group: 0).isTrusted)
        #expect(!PeerCredentials(pid: 1, user: geteuid() + 4711, group: 0).isTrusted)
    }

    @Test("run ends when its task is cancelled")
    func cancelled() async throws {
        try await withServer(FakeControl()) { _, server in
            let run = Task { await server.run() }
            run.cancel()
            await run.value
        }
    }
}

actor Box<Value: Sendable> {
    private(set) var value: Value
    init(_ value: Value) { self.value = value }
    func set(_ value: Value) { self.value = value }
}
