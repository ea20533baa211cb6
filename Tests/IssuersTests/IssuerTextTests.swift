import Fleet
import Foundation
import NIOHTTP1
import Testing

@testable import Issuers

@Suite("Small texts of issuers")
struct IssuerTextTests {
    @Test(
        "how long an answer wishes to be kept",
        arguments: [
            (["max-age=600"], nil, 600), (["public, Max-Age=\"900\""], nil, 900), (["max-age=600"], "100", 500),
            (["max-age=600"], "9999", 0), (["no-store, max-age=600"], nil, 0), (["no-cache"], nil, 0), ([], nil, nil),
            (["private"], nil, nil), (["max-age=soon"], nil, nil), (["max-age=-1"], nil, nil),
            (["max-age=99999999999999999999"], nil, nil), (["public", "max-age=60"], "-5", 60),
        ] as [([String], String?, Double?)])
    func lifetime(cacheControl: [String], age: String?, expected: Double?) {
        var headers = HTTPHeaders(cacheControl.map { ("Cache-Control", $0) })
        if let age { headers.add(name: "Age", value: age) }
        #expect(CacheLifetime.maxAge(headers)?.value == expected)
    }

    @Test("form encoding leaves only what RFC 6749 leaves")
    func form() {
        #expect(FormText.encode("aZ09*-._ ~+/%ü\n") == "aZ09*-._+%7E%2B%2F%25%C3%BC%0A")
        #expect(FormText.encode("").isEmpty)
    }

    @Test("more keys than anybody needs are cut, and that is told")
    func manyKeys() throws {
        let key = JSONValue.object([
            "kty": .string("EC"), "x": .integer(7), "key_ops": .array([.string("verify"), .null]),
        ])
        let keys = try PublicKeys(["keys": .array(Array(repeating: key, count: 65))])
        #expect(keys.count == 64 && keys.notices == ["keys beyond the first 64 are left out"])
        #expect(
            keys.jwks["keys"]?.arrayValue?.first
                == .object(["kty": .string("EC"), "key_ops": .array([.string("verify")])]))
    }

    @Test(
        "a client secret is one line of text in a file",
        arguments: [
            ("", "empty"), ("\n", "empty"), ("a\nb", "one line"), (String(repeating: "a", count: 4097), "larger"),
        ])
    func badSecret(content: String, why: String) throws {
        let path = FileManager.default.temporaryDirectory.path + "/convoy-secret-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try RefresherLab.secret(content, path)
        do {
            _ = try BoundedFile.readSecret(path)
            Issue.record("it was read")
        } catch { #expect(error.reason.contains(why)) }
    }

    @Test("a directory, a pipe or nothing is no secret")
    func noFile() throws {
        let path = FileManager.default.temporaryDirectory.path + "/convoy-secret-\(UUID().uuidString)"
        #expect(throws: BoundedFile.Fault.self) { try BoundedFile.readSecret(path) }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: BoundedFile.Fault.self) { try BoundedFile.readSecret(path) }
        #expect(mkfifo(path + "/pipe", 0o600) == 0)
        #expect(throws: BoundedFile.Fault.self) { try BoundedFile.readSecret(path + "/pipe") }
    }
}
