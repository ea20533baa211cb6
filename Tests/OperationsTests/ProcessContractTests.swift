import Fleet
import Ports
import ProcessContract
import Testing

/// The fake keeps what the real ones keep: else the tests that use it prove nothing.
@Suite("ProcessBackend contract: the fake")
struct ProcessContractTests {
    private struct Stage: ProcessStage {
        let machine = FakeMachine(disk: FakeDisk(), policyPath: "/policy")

        func backend() throws -> any ProcessBackend { FakeProcesses(machine: machine, fuse: Fuse()) }
        func lasting(_ id: String) -> ProcessPlan {
            ProcessPlan(
                id: id, executable: "/bin/sleep", arguments: [], environment: [:], workingDirectory: "/",
                logFile: "/log")
        }
        func ephemeral(_ id: String) -> ProcessPlan {
            machine.dieEarly(id)
            return lasting(id)
        }
        func impossible(_ id: String) -> ProcessPlan {
            machine.refuse(id, Failure(.failed, "cannot start \(id)", because: "refused", next: "look at it"))
            return lasting(id)
        }
        func kill(_ record: ProcessRecord) throws { machine.kill(record.id) }
    }

    @Test("each law", arguments: ProcessContract.all)
    func law(_ law: ProcessContract) async throws { try await law.check(Stage()) }
}
