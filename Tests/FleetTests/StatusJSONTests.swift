import Foundation
import Testing

@testable import Fleet

@Suite("Status as JSON")
struct StatusJSONTests {
    @Test("what a supervisor says of an instance is what its reader gets, to the last field")
    func roundTrip() throws {
        let status = InstanceStatus(
            name: "analytics-1-g3", pool: "analytics", host: "web-1", slot: 1, generation: 3, version: "1.0.0",
            digest: try #require(Digest(hex: String(repeating: "ab", count: 32))), state: .serving, ready: true,
            reason: "", port: 21000, pid: 7, uptimeSeconds: 1.5, databaseUser: "convoy", proof: nil, eras: [.modern],
            toolsDigest: nil, restarts: 2, dropIns: ["/etc/systemd/system/convoy-instance-.service.d/10.conf"])
        let read = try JSONDecoder().decode(InstanceStatus.self, from: JSONEncoder().encode(status))
        #expect(read == status)
    }
}
