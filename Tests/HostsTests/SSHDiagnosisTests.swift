import Fleet
import Ports
import Testing

@testable import Hosts

@Suite("What ssh says")
struct SSHDiagnosisTests {
    private let diagnosis = SSHDiagnosis(HostSpec(name: "web-1", address: "10.0.0.11", ssh: "ops@10.0.0.11"))

    @Test(
        "each of ssh's and sudo's complaints is told with what to do",
        arguments: [
            (255, "No ED25519 host key is known for a and you have requested strict checking.\n", "unknownHostKey"),
            (255, "@ REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n", "changedHostKey"),
            (255, "ops@a: Permission denied (publickey,password).\n", "permissionDenied"),
            (255, "ssh: connect to host 10.77.0.99 port 22: No route to host\n", "unreachable"),
            (255, "ssh: connect to host a port 22: Connection refused\n", "unreachable"),
            (255, "ssh: Could not resolve hostname nowhere: Name or service not known\n", "unreachable"),
            (255, "ssh: connect to host a port 22: Connection timed out\n", "unreachable"),
            (255, "Timeout, server a not responding.\n", "lost"),
            (255, "client_loop: send disconnect: Broken pipe\n", "lost"),
            (255, "", "lost"),
            (1, "sudo: a password is required\n", "sudo"),
            (127, "sh: 1: exec: sudo: not found\n", "sudo"),
        ] as [(Int32, String, String)])
    func complaints(code: Int32, said: String, kind: String) throws {
        let fault = try #require(diagnosis.fault(HostAnswer(exitCode: code, errors: said)))
        #expect(fault.kind.rawValue == kind)
        #expect(fault.failure.what.contains("web-1") && !fault.failure.why.isEmpty && !fault.failure.next.isEmpty)
        #expect(fault.failure.code == .unavailable)
    }

    @Test("what ran and failed is no fault of the way", arguments: [0, 1, 2, 65, 127] as [Int32])
    func commands(code: Int32) {
        #expect(diagnosis.fault(HostAnswer(exitCode: code, errors: "Permission denied: /etc/shadow")) == nil)
    }
}
