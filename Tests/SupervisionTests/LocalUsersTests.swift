import Fleet
import Testing

@testable import Supervision

@Suite("Whom a database's port on this host belongs to")
struct LocalUsersTests {
    private let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:6989 00000000:0000 0A 00000000:00000000 00:00000000 00000000   115        0 1001
           1: 0100007F:698A 00000000:0000 0A 00000000:00000000 00:00000000 00000000   116        0 1002
           2: 0100007F:6989 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   117        0 1003
        """

    @Test("they are who listens there, not who is connected, and those that are named")
    func owners() throws {
        let users = try LocalUsers.reaching([27017], named: ["backup"], in: [table]) { $0 == "backup" ? 34 : nil }
        #expect(users == [34, 115])
    }

    @Test("while nobody listens they can't be told")
    func nobody() throws {
        #expect(try LocalUsers.reaching([27019], named: ["backup"], in: [table, ""]) { _ in 34 } == nil)
    }

    @Test("a name that nobody has is an error that names it")
    func unknown() {
        let failure = #expect(throws: Failure.self) {
            try LocalUsers.reaching([27017], named: ["nobody-at-all"], in: [table]) { _ in nil }
        }
        #expect(failure?.description.contains("nobody-at-all") == true)
    }
}
