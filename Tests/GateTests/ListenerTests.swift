import Fleet
import Foundation
import Glibc
import Testing

@testable import Gate

@Suite("A listener that was handed over")
struct ListenerTests {
    static func listen(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0)
            }
        }
        #expect(Glibc.listen(descriptor, 16) == 0)
        return descriptor
    }

    @Test("who connects while no gate runs waits, and is answered by the next one")
    func restart() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let issuer = try DevelopmentIssuer.load(directory: directory + "/issuer", fleet: "shop")
        try GateFixture.write(GateFixture.policy(issuer), to: directory + "/policy.json")
        let kept = Self.listen(directory + "/gate.sock")
        defer { close(kept) }
        for _ in 0..<3 {
            let waiting = try UnixClient(directory + "/gate.sock")
            try waiting.send(GateFixture.request(token: nil))
            let gate = try await GateServer.start(
                policyFile: directory + "/policy.json", listener: .descriptor(dup(kept)), log: CollectedLog().audit)
            #expect(try await waiting.answer()?.status == 401)
            await gate.stop()
            #expect(try await waiting.isClosed())
        }
    }

    @Test("what is not a unix socket is refused with a reason")
    func notASocket() async throws {
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        await #expect(throws: Failure.self) {
            try await GateServer.start(
                policyFile: "/nonexistent", listener: .descriptor(file), log: CollectedLog().audit)
        }
    }
}
