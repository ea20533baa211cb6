import Fleet
import Glibc
import Ports
import ProcessContract
import Testing

@testable import Supervision

@Suite("ProcessBackend contract: child processes")
struct ProcessContractTests {
    private struct Stage: ProcessStage {
        let scratch: Scratch

        func backend() throws -> any ProcessBackend { try DirectProcesses() }
        func lasting(_ id: String) -> ProcessPlan { plan(id, "exec sleep 600") }
        func ephemeral(_ id: String) -> ProcessPlan { plan(id, "exit 1") }
        func impossible(_ id: String) -> ProcessPlan {
            var plan = plan(id, "")
            plan.executable = "/no/such/program"
            return plan
        }
        func kill(_ record: ProcessRecord) throws { try #require(Glibc.kill(record.pid, SIGKILL) == 0) }

        private func plan(_ id: String, _ script: String) -> ProcessPlan {
            var plan = scratch.shell(script)
            plan.id = id
            return plan
        }
    }

    @Test("each law", arguments: ProcessContract.all)
    func law(_ law: ProcessContract) async throws { try await law.check(Stage(scratch: try Scratch())) }
}
