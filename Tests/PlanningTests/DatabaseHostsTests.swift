import Testing

@testable import Planning

@Suite("Where a database is, by its connection string")
struct DatabaseHostsTests {
    @Test("numbers, names and this machine are told apart")
    func hosts() {
        let hosts = DatabaseHosts(
            uri: "mongodb://10.0.0.12:27018,db1.example.com,10.0.0.11,[2001:db8::1]:27017,127.0.0.1:27019,[::1],"
                + "localhost/?tls=true")
        #expect(hosts.addresses.map(\.text) == ["10.0.0.11", "10.0.0.12", "2001:db8::1"])
        #expect(hosts.names == ["db1.example.com"] && hosts.localPorts == [27017, 27019])
    }

    @Test("a service record has a name only, and no database has nothing")
    func others() {
        #expect(DatabaseHosts(uri: "mongodb+srv://shop.example.com/x").names == ["shop.example.com"])
        for uri in ["", "mongodb://", "postgres://10.0.0.1", "mongodb://%2Ftmp%2Fx.sock/"] {
            let hosts = DatabaseHosts(uri: uri)
            #expect(hosts.addresses.isEmpty && hosts.names.isEmpty && hosts.localPorts.isEmpty, "\(uri)")
        }
    }
}
