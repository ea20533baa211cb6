import Fleet
import Planning
import Testing

@Suite("Instance connection strings")
struct ProofInstanceURITests {
    private func make(_ base: String, user: String = "u", password: String = "p") throws -> String {
        try InstanceURI.make(base: base, user: user, password: Secret(password)).reveal()
    }

    @Test(
        "the instance's login is added to the fleet's servers and options",
        arguments: [
            ("mongodb://h", "mongodb://u:p@h/?"),
            ("mongodb://h/", "mongodb://u:p@h/?"),
            ("mongodb://h?tls=true", "mongodb://u:p@h/?tls=true&"),
            ("mongodb://h:1,i:2/?replicaSet=rs0&tls=true", "mongodb://u:p@h:1,i:2/?replicaSet=rs0&tls=true&"),
            ("mongodb://[::1]:27017/shop?w=1", "mongodb://u:p@[::1]:27017/shop?w=1&"),
            ("mongodb+srv://cluster.example.com/", "mongodb+srv://u:p@cluster.example.com/?"),
            ("mongodb://h/?authSource=admin&authMechanism=SCRAM-SHA-256&a=b", "mongodb://u:p@h/?a=b&"),
        ])
    func composed(base: String, expected: String) throws {
        #expect(try make(base) == expected + "authSource=admin&authMechanism=SCRAM-SHA-256")
    }

    @Test("every reserved character of user and password is percent-encoded")
    func encoded() throws {
        let uri = try make("mongodb://h/", user: "a@b", password: "p:/?#[]@!$&'()*+,;=% ü")
        #expect(uri.hasPrefix("mongodb://a%40b:p%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25%20%C3%BC@h/"))
    }

    @Test(
        "what is no plain connection string is refused, and not quoted",
        arguments: [
            "", "http://h", "mongodb://", "mongodb:///?a=b", "mongodb://root:hush@h/", "mongodb://h/?authSource=other",
            "mongodb://h/?AUTHMECHANISM=MONGODB-X509", "mongodb://h/?authMechanism=SCRAM-SHA-1",
        ])
    func refused(base: String) throws {
        let failure = try #require(throws: Failure.self) { try make(base) }
        #expect(failure.code == .badSpec)
        #expect(!failure.description.contains("hush"))
    }
}
