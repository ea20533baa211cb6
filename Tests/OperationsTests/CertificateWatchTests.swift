import Fleet
import Planning
import Testing

@testable import Operations

@Suite("A certificate that changes under a serving fleet", .timeLimit(.minutes(10)))
struct CertificateWatchTests {
    private let world = FakeWorld()
    private let paths = ["/tls/cert", "/tls/key", "/tls/clients", "/tls/ocsp"]

    private func up(staplingEnds: Double? = nil) async throws {
        world.certificates.need()
        for path in paths { world.certificates.write(path, "old") }
        world.certificates.staple(until: staplingEnds)
        let spec = Samples.spec {
            $0.edge.url = "https://127.0.0.1:8443"
            $0.edge.tls = .init(
                certificate: "/tls/cert", key: "/tls/key", clientCertificates: "/tls/clients", stapling: "/tls/ocsp")
        }
        let fleet = world.newOperator(spec)
        _ = try await world.run { try await fleet.up() }
        try await world.until("converged") { $0.status.converged }
    }

    private var hups: Int { world.machine.signals.count { $0 == "edge hup" } }

    @Test(
        "each of its files is seen when it changes, and nginx is told to reload",
        arguments: ["/tls/cert", "/tls/clients", "/tls/ocsp"])
    func renewed(_ path: String) async throws {
        try await up(staplingEnds: 1e12)
        let before = hups
        await world.pass(30)
        #expect(hups == before)
        world.certificates.write(path, "new")
        let (edge, machine) = (world.edge, world.machine)
        try await world.until("taken") { _ in edge.text.contains("new") }
        try await world.until("told") { _ in machine.signals.count { $0 == "edge hup" } == before + 1 }
    }

    @Test("a response that must not be stapled is left out, with the reason in the log, and nginx serves without")
    func refused() async throws {
        try await up(staplingEnds: 1e12)
        #expect(world.edge.text.contains("ssl_stapling_file \"tls/stapling.der\""))
        world.certificates.staple(until: nil, [.init(isFault: true, what: "stapling /tls/ocsp: it is stale", next: "")])
        world.certificates.write("/tls/ocsp", "stale")
        let edge = world.edge
        try await world.until("left out") { _ in !edge.text.contains("ssl_stapling") }
        #expect(!edge.text.contains("stale"))
        #expect(world.log.withLock { $0.contains { $0.contains("it is stale") } })
        #expect(try await world.until("converged") { $0.status.converged }.status.edge.state == .up)
    }

    @Test("a response that becomes stale while nobody touches it is taken out within seconds")
    func expires() async throws {
        let end = world.time.now + 60
        try await up(staplingEnds: 1_700_000_000 + end)
        #expect(world.edge.text.contains("ssl_stapling on"))
        let (edge, time) = (world.edge, world.time)
        try await world.until("taken out") { _ in !edge.text.contains("ssl_stapling") }
        #expect(time.now >= end)
    }
}
