import Fleet
import Ports
import Testing

@testable import Control

@Suite("A supervisor on another host")
struct HostWireTests {
    @Test("a request that waits holds up no other one, and one that is given up ends")
    func together() async throws {
        try await withControl(.wire) { control, fake in
            let known = try await control.status(newerThan: nil, timeout: 0).revision
            let waiting = Task { try await control.status(newerThan: known, timeout: 60) }
            await fake.untilPolled()
            try await control.begin(.sample(3))
            _ = try await waiting.value
            let newest = try await control.status(newerThan: nil, timeout: 0).revision
            let given = Task { try await control.status(newerThan: newest, timeout: 60) }
            await fake.untilPolled()
            given.cancel()
            await #expect(throws: (any Error).self) { try await given.value }
            _ = try await control.status(newerThan: nil, timeout: 0)
        }
    }

    @Test("another version there is named as the reason, and not asked again and again")
    func skew() async throws {
        let wire = HostWire(DeskLink(socket: "/nowhere", convoy: "0.0.9"), host: "web-1", convoy: "0.1.0")
        let client = ControlClient(over: wire)
        let failure = await #expect(throws: Failure.self) { try await client.status(newerThan: nil, timeout: 0) }
        #expect(failure?.code == .failed && failure?.why.contains("0.0.9") == true)
        #expect(failure?.next.contains("bootstrap") == true)
        await client.close()
    }

    @Test("a host without convoy, or whose supervisor is away, is unavailable, and is asked anew by the next request")
    func away() async throws {
        struct Bare: HostLink {
            func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
                HostAnswer(exitCode: 127, errors: "convoy: not found")
            }
            func close() async {}
        }
        for link in [Bare(), DeskLink(socket: "/nowhere")] as [any HostLink] {
            let client = ControlClient(over: HostWire(link, host: "web-1", convoy: "0.1.0"))
            for _ in 0..<2 {
                let failure = await #expect(throws: Failure.self) {
                    try await client.status(newerThan: nil, timeout: 0)
                }
                #expect(failure?.code == .unavailable, "\(String(describing: failure))")
            }
            await client.close()
        }
    }
}
