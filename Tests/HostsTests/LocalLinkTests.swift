import Fleet
import HostContract
import Ports
import Testing

@testable import Hosts

@Suite("This machine as a host")
struct LocalLinkTests {
    @Test("it keeps what every link keeps")
    func contract() async throws {
        try await HostLinkContract(LocalLink()).holds()
    }

    @Test("words that look like options or settings of env are words")
    func words() async throws {
        let answer = try await LocalLink().run(HostCommand(["printf", "%s\n", "-i", "A=b"]))
        #expect(answer.output == ["-i", "A=b"])
    }
}
