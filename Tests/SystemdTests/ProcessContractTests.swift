import Fleet
import Glibc
import Ports
import ProcessContract
import Testing

@testable import Systemd

extension OnSystemdHost {
    @Suite("ProcessBackend contract: systemd", .serialized)
    struct ProcessContractTests {
        private struct Stage: ProcessStage {
            func backend() throws -> any ProcessBackend { try SystemdHost.backend() }
            func lasting(_ id: String) -> ProcessPlan { SystemdHost.plan(id, "/bin/sleep infinity") }
            func ephemeral(_ id: String) -> ProcessPlan { SystemdHost.plan(id, "/bin/sh -c 'exit 1'") }
            func impossible(_ id: String) -> ProcessPlan { SystemdHost.plan(id, "/no/such/program") }
            func kill(_ record: ProcessRecord) throws { try #require(Glibc.kill(record.pid, SIGKILL) == 0) }
        }

        @Test("each law", arguments: ProcessContract.all)
        func law(_ law: ProcessContract) async throws { try await law.check(Stage()) }
    }
}
