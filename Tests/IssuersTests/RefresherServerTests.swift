import Fleet
import Foundation
import Testing

@testable import Issuers

@Suite("RefresherServer")
struct RefresherServerTests {
    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("the socket is for owner and group, and goes with the server")
    func socketMode() async throws {
        let path = Box("")
        try await withRefresher { lab async throws in
            path.value.withLock { $0 = lab.socket }
            #expect(try mode(lab.socket) == 0o660)
        }
        #expect(!FileManager.default.fileExists(atPath: path.value.withLock(\.self)))
    }

    @Test("a socket that somebody listens on is not stolen; a stale one is replaced; a file is left alone")
    func socketTaken() async throws {
        try await withRefresher { lab async throws in
            let world = RefresherWorld(time: lab.time, log: { _ in })
            await #expect(throws: Failure.self) {
                try await RefresherServer.start(planFile: lab.planFile, listener: .path(lab.socket), world: world)
            }
            #expect(try await lab.keys().status == 200)
            let file = lab.directory + "/file"
            try "precious".write(toFile: file, atomically: true, encoding: .utf8)
            await #expect(throws: Failure.self) {
                try await RefresherServer.start(planFile: lab.planFile, listener: .path(file), world: world)
            }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
            let stale = lab.directory + "/stale.sock"
            try makeStaleSocket(stale)
            let server = try await RefresherServer.start(
                planFile: lab.planFile, listener: .path(stale), world: world)
            #expect(try await UnixClient.exchange(stale, "GET /healthz HTTP/1.1\r\n\r\n").status == 200)
            await server.stop()
        }
    }

    private func makeStaleSocket(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path]
        try process.run()
        process.waitUntilExit()
    }

    @Test("the plan's own socket is used when no other is named")
    func planned() async throws {
        try await withRefresher { lab async throws in
            let socket = lab.directory + "/planned.sock"
            try lab.write(RefresherPlan(revision: 5, listen: socket, issuers: []))
            let server = try await RefresherServer.start(
                planFile: lab.planFile, listener: nil, world: RefresherWorld(time: lab.time, log: { _ in }))
            let answer = try await UnixClient.exchange(socket, "GET /healthz HTTP/1.1\r\n\r\n")
            #expect(answer.text == #"{"issuers":[],"revision":5}"#)
            await server.stop()
        }
    }

    @Test("without a plan every question is refused, until one comes")
    func noPlan() async throws {
        try await withRefresher { lab async throws in
            let (file, socket) = (lab.directory + "/late.json", lab.directory + "/late.sock")
            let server = try await RefresherServer.start(
                planFile: file, listener: .path(socket), world: RefresherWorld(time: lab.time, log: { _ in }))
            for target in ["/healthz", "/keys?issuer=https%3A%2F%2Fa.example"] {
                let answer = try await UnixClient.exchange(socket, "GET \(target) HTTP/1.1\r\n\r\n")
                #expect(answer.status == 503 && answer.text == #"{"reason":"no plan applies"}"#)
            }
            try RefresherLab.write(RefresherPlan(revision: 1, issuers: []), file)
            await server.reload()
            #expect(try await UnixClient.exchange(socket, "GET /healthz HTTP/1.1\r\n\r\n").status == 200)
            await server.stop()
        }
    }

    @Test("health names each issuer in the plan's order, with every member")
    func health() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            let expected =
                #"{"issuers":[{"fetchedAt":1700001000,"issuer":"\#(lab.issuer.origin)","reason":""}],"revision":1}"#
            #expect(try await lab.get("/healthz").text == expected)
        }
    }

    @Test(
        "what is not asked for like that is refused",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 404), ("POST /keys HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
            ("GET /introspect HTTP/1.1\r\n\r\n", 404), ("DELETE /healthz HTTP/1.1\r\n\r\n", 404),
            ("garbage\r\n\r\n", 400),
            ("POST /introspect HTTP/1.1\r\nContent-Length: 40000\r\n\r\n" + String(repeating: "x", count: 40000), 413),
        ])
    func refused(request: String, status: Int) async throws {
        try await withRefresher { lab async throws in
            #expect(try await UnixClient.exchange(lab.socket, request).status == status)
        }
    }

    @Test(
        "who does not finish a question is cut off",
        arguments: ["", "GET /he", "POST /introspect HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"])
    func dawdler(text: String) async throws {
        var options = LabOptions()
        options.patience = 0.1
        try await withRefresher(options) { lab async throws in
            #expect(try await UnixClient.exchange(lab.socket, text).raw.isEmpty)
            #expect(try await lab.get("/healthz").status == 200)
        }
    }

    @Test("a server that stops while somebody waits for keys lets them go")
    func stopWhileWaiting() async throws {
        try await withRefresher(script: { $0.script("/keys", .silence) }) { lab async throws in
            await lab.issuer.untilAsked("/keys", times: 1)
            async let answer = lab.keys()
            async let second = lab.keys()
            await lab.server.stop()
            let statuses = try? await [answer.status, second.status]
            #expect(statuses?.allSatisfy { $0 != 200 } ?? true)
        }
    }
}
