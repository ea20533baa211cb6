import Fleet
import Testing

@Suite("Values of a spec")
struct ValueTests {
    private func accepts(_ check: () throws -> Void) -> Bool { (try? check()) != nil }

    @Test("names", arguments: ["a", "shop", "web-1", "a-b-c", "a" + String(repeating: "b", count: 30)])
    func goodNames(_ name: String) { #expect(accepts { try NameRule.check(name, kind: "pool") }) }

    @Test(
        "names that units or nginx can't take",
        arguments: ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a b", "gate", "ä", "a\n", "a;"])
    func badNames(_ name: String) { #expect(!accepts { try NameRule.check(name, kind: "pool") }) }

    @Test("exact versions", arguments: ["1.2.3", "0.7.0b3", "1.0.0rc1", "1.2.3.post1", "2026.1.31", "1.2.3.4"])
    func goodVersions(_ version: String) { #expect(accepts { try ExactVersion.check(version, kind: .pypi) }) }

    @Test(
        "versions that are not exact",
        arguments: [
            "", "latest", "LATEST", "^1.2.3", "~1.2.3", ">=1", "<2", "*", "1.x", "1.2.x", "1", "1.2", "v1.2.3",
            "1.2.3 ", "1..3", "1.2.", "01.2.3", "1.2.3||2", "==1.2.3", "1.2.3-rc.1", "1.2.3; rm",
        ])
    func badVersions(_ version: String) { #expect(!accepts { try ExactVersion.check(version, kind: .pypi) }) }

    @Test("npm versions may carry a prerelease")
    func npmVersion() {
        #expect(accepts { try ExactVersion.check("1.2.3-rc.1", kind: .npm) })
        #expect(!accepts { try ExactVersion.check("1.2.3b1", kind: .npm) })
    }

    @Test(
        "references come back as they were written",
        arguments: ["pypi:a-b@1.2.3", "npm:@s/n@1.2.3", "npm:n@1.2.3", "path:./x", "path:/a/b@1.0.0", "path:../a@b/c"])
    func references(_ text: String) throws { #expect(try ReleaseReference(parsing: text).description == text) }

    @Test(
        "references that are none",
        arguments: [
            "", ":", "pypi:", "pypi:@1.2.3", "git:x@1.2.3", "pypi:a", "npm:@s/n", "npm:A@1.2.3", "path:", "path:~/x",
            "path:a b", "pypi:a/b@1.2.3",
        ])
    func badReferences(_ text: String) { #expect(!accepts { _ = try ReleaseReference(parsing: text) }) }

    @Test(
        "durations",
        arguments: [("500ms", 0.5), ("30s", 30), ("1.5m", 90), ("2h", 7200), ("0s", 0)] as [(String, Double)])
    func durations(_ text: String, _ seconds: Double) throws { #expect(try Seconds(parsing: text).value == seconds) }

    @Test(
        "durations that are none",
        arguments: [
            "", "5", "s", "5 s", "-5s", "5d", "1h30m", "1e3s", ".5s", "5.s", "five", "٣s", "1.2.3s", "99999999999999s",
        ])
    func badDurations(_ text: String) { #expect(!accepts { _ = try Seconds(parsing: text) }) }

    @Test("durations read as they are written")
    func durationText() {
        #expect(Seconds(0.5).text == "500ms" && Seconds(90).text == "90s" && Seconds(300).text == "5m")
        #expect(Seconds(7200).text == "2h" && Seconds(0).text == "0s")
    }

    @Test("sizes")
    func sizes() throws {
        #expect(try ByteSize.parse("10MB") == 10_000_000 && ByteSize.parse("64kB") == 64_000)
        for text in ["", "10", "MB", "10mb", "10MiB", "-1MB", "1.5MB", "9999999GB"] {
            #expect(!accepts { _ = try ByteSize.parse(text) })
        }
    }

    @Test("addresses")
    func addresses() {
        for text in ["127.0.0.1", "0.0.0.0", "255.255.255.255"] { #expect(IPAddress.isV4(text)) }
        for text in ["1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", "a.b.c.d", ""] {
            #expect(!IPAddress.isV4(text))
        }
        for text in ["::", "::1", "fd00::2", "1:2:3:4:5:6:7:8", "2001:db8::"] { #expect(IPAddress.isV6(text)) }
        for text in ["", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "::g", "1:2:3:4:5:6:7:8:9"] {
            #expect(!IPAddress.isV6(text))
        }
        for text in ["a", "mcp.example.com", "a-b.c"] { #expect(HostName.isValid(text)) }
        for text in ["", ".", "a.", "-a", "a_b", "A.com", "1.2.3.400", "a..b"] { #expect(!HostName.isValid(text)) }
    }

    @Test("where an edge listens", arguments: ["127.0.0.1:8443", "0.0.0.0:443", "[::1]:1", "[::]:65535"])
    func listen(_ text: String) throws { #expect(try EdgeSpec.Listen(parsing: text).text == text) }

    @Test(
        "where no edge can listen",
        arguments: [
            "", "8443", ":8443", "*:80", "localhost:80", "::1:80", "[::1]", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:080",
            "[x]:1",
        ])
    func badListen(_ text: String) { #expect(!accepts { _ = try EdgeSpec.Listen(parsing: text) }) }

    @Test("urls are taken apart")
    func urls() throws {
        let url = try WebURL(parsing: "https://login.example.com:8443/a/b")
        #expect(url.scheme == "https" && url.host == "login.example.com" && url.port == 8443 && url.path == "/a/b")
        #expect(try WebURL(parsing: "http://[::1]:80").isLoopback && WebURL(parsing: "http://localhost").port == 80)
        for text in [
            "", "x", "https://", "https://a b", "https://a:b", "https://a:", "https://a@b", "https://a#b",
            "https://a?b", "https://[::1", "https://[::1]x", "https://a/$x",
        ] {
            #expect(!accepts { _ = try WebURL(parsing: text) })
        }
    }

    @Test(
        "connection strings without credentials",
        arguments: [
            "mongodb://a", "mongodb://a/", "mongodb://a:1,b:2/?replicaSet=rs0", "mongodb+srv://c.example.com/?tls=true",
            "mongodb://[::1]:27017", "mongodb://Host/?a=b&c=d@e",
        ])
    func goodURIs(_ text: String) { #expect(accepts { _ = try MongoURI(parsing: text) }) }

    @Test(
        "connection strings that are refused",
        arguments: [
            "", "a", "http://a", "mongodb://", "mongodb://u:p@a", "mongodb://u@a", "mongodb://a,/", "mongodb://a:0",
            "mongodb://a/db", "mongodb://a/?x", "mongodb+srv://a,b", "mongodb://a b",
            "mongodb://a/?sslClientCertificateKeyPassword=x",
        ])
    func badURIs(_ text: String) { #expect(!accepts { _ = try MongoURI(parsing: text) }) }

    @Test("ports of a database on this machine are known")
    func loopbackPorts() throws {
        #expect(try MongoURI(parsing: "mongodb://127.0.0.1,localhost:5,db1:6,[::1]:7/").loopbackPorts == [27017, 5, 7])
    }

    @Test("roles and databases")
    func roles() {
        for role in ["read", "shopReader", "custom-1", "a.b"] {
            #expect(accepts { try DatabaseRule.check(role: role) })
        }
        for role in ["", "readWrite", "root", "READ", "dbAdmin", "__system", "a b", "read,write"] {
            #expect(!accepts { try DatabaseRule.check(role: role) })
        }
        for name in ["shop", "Shop_2", "a-b"] { #expect(accepts { try DatabaseRule.check(database: name) }) }
        for name in ["", "admin", "Admin", "local", "config", "a.b", "a/b", "a b", "a\0"] {
            #expect(!accepts { try DatabaseRule.check(database: name) })
        }
    }

    @Test("scopes")
    func scopes() {
        for scope in ["mcp:analytics", "a", "https://x/y"] { #expect(accepts { try ScopeRule.check(scope) }) }
        for scope in ["", "a b", "a\"b", "a\\b", "$a", "ä", String(repeating: "a", count: 129)] {
            #expect(!accepts { try ScopeRule.check(scope) })
        }
    }

    @Test("ssh destinations that could be options are refused")
    func ssh() {
        for text in ["web-1", "ops@10.0.0.1", "ops@web-1.example.com"] {
            #expect(accepts { try HostRule.check(ssh: text) })
        }
        for text in ["", "-oProxyCommand=x", "ops@-x", "a@b@c", "-x@web", "web;ls", "ops@"] {
            #expect(!accepts { try HostRule.check(ssh: text) })
        }
    }

    @Test("constraints are exact pins")
    func constraints() {
        for text in ["a==1", "fastmcp==4.1.2", "x.y-z==1.0rc1"] { #expect(accepts { try Constraint.check(text) }) }
        for text in ["", "a", "a>=1", "a==", "==1", "a==1.*", "a==1,<2", "a == 1"] {
            #expect(!accepts { try Constraint.check(text) })
        }
    }
}
