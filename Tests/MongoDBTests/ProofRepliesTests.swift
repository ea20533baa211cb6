import Fleet
import Foundation
import Testing

@testable import MongoDB

@Suite("Replies in a mongod's real shape")
struct ProofRepliesTests {
    @Test("connectionStatus with privileges is read")
    func connectionStatus() throws {
        let json = """
            {"authInfo": {
               "authenticatedUsers": [{"user": "u", "db": "admin"}],
               "authenticatedUserRoles": [{"role": "read", "db": "shop"}],
               "authenticatedUserPrivileges": [
                 {"resource": {"db": "shop", "collection": ""}, "actions": ["find", "collStats"]},
                 {"resource": {"db": "shop", "collection": "system.js"}, "actions": ["find"]}]},
             "ok": 1.0, "$clusterTime": {"clusterTime": {"$timestamp": {"t": 1, "i": 1}}}}
            """
        let info = try JSONDecoder().decode(ConnectionStatusReply.self, from: Data(json.utf8)).authInfo
        #expect(info.authenticatedUserRoles.map(\.grant) == [DatabaseGrant(database: "shop", role: "read")])
        #expect(info.authenticatedUserPrivileges?.map(\.resource.text) == ["shop.*", "shop.system.js"])
        #expect(info.authenticatedUserPrivileges?.first?.actions == ["find", "collStats"])
    }

    @Test(
        "every kind of resource has a text, and an unknown kind is nobody's grant",
        arguments: [
            (#"{"db":"shop","collection":"orders"}"#, "shop.orders"), (#"{"db":"shop","collection":""}"#, "shop.*"),
            (#"{"db":"","collection":""}"#, "*.*"), (#"{"db":"","collection":"orders"}"#, "*.orders"),
            (#"{"cluster":true}"#, "cluster"), (#"{"anyResource":true}"#, "any"),
            (#"{"system_buckets":""}"#, "*.system.buckets.*"),
            (#"{"db":"shop","system_buckets":"t"}"#, "shop.system.buckets.t"),
            (#"{"db":"shop"}"#, "unrecognised"), (#"{"tenant":"x"}"#, "unrecognised"),
            (#"{"cluster":false}"#, "unrecognised"),
        ])
    func resources(json: String, text: String) throws {
        #expect(try JSONDecoder().decode(PrivilegeReply.Resource.self, from: Data(json.utf8)).text == text)
    }

    @Test("rolesInfo spells a custom role out with all it inherits")
    func rolesInfo() throws {
        let json = """
            {"roles": [{"role": "r", "db": "shop", "isBuiltin": false,
              "roles": [{"role": "s", "db": "shop"}],
              "inheritedRoles": [{"role": "s", "db": "shop"}, {"role": "read", "db": "shop"}],
              "privileges": [{"resource": {"db": "shop", "collection": "a"}, "actions": ["find"]}],
              "inheritedPrivileges": [
                {"resource": {"db": "shop", "collection": "a"}, "actions": ["find"]},
                {"resource": {"db": "shop", "collection": "b"}, "actions": ["insert"]}]}], "ok": 1.0}
            """
        let role = try #require(try JSONDecoder().decode(RolesInfoReply.self, from: Data(json.utf8)).roles.first)
        let custom = try #require(role.customRole)
        #expect(custom.privileges.map(\.resource) == ["shop.a", "shop.b"])
        #expect(custom.inherited.map(\.role) == ["read", "s"])
    }

    @Test("a role without its privileges is not spelt out")
    func silentRole() throws {
        let json = #"{"roles": [{"role": "r", "db": "shop", "roles": [], "inheritedRoles": []}]}"#
        #expect(try JSONDecoder().decode(RolesInfoReply.self, from: Data(json.utf8)).roles.first?.customRole == nil)
    }
}
