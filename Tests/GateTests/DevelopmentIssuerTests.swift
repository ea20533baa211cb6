import Fleet
import Foundation
import Testing

@testable import Gate

@Suite("The development issuer")
struct DevelopmentIssuerTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory + "/issuer")
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("its key is made once, for its owner's eyes only, and found again")
    func persistence() throws {
        try withDirectory { directory in
            let first = try DevelopmentIssuer.load(directory: directory, fleet: "shop")
            let second = try DevelopmentIssuer.load(directory: directory, fleet: "shop")
            #expect(first.jwks == second.jwks)
            #expect(first.url == "urn:convoy:development:shop")
            #expect(try mode(directory) == 0o700)
            #expect(try mode(directory + "/key.pem") == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["key.pem"])
        }
    }

    @Test("the published key has no private part")
    func publicOnly() throws {
        try withDirectory { directory in
            let issuer = try DevelopmentIssuer.load(directory: directory, fleet: "shop")
            let key = issuer.jwks["keys"]?.arrayValue?.first?.objectValue ?? [:]
            #expect(Set(key.keys) == ["kty", "crv", "x", "y", "kid", "use", "alg"])
            #expect(key["kid"] == .string(issuer.keyID))
        }
    }

    @Test("a key that others can read, a link, and a file that is no key are refused")
    func refusals() throws {
        try withDirectory { directory in
            _ = try DevelopmentIssuer.load(directory: directory, fleet: "shop")
            let path = directory + "/key.pem"
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            #expect(throws: Failure.self) { try DevelopmentIssuer.load(directory: directory, fleet: "shop") }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            try FileManager.default.moveItem(atPath: path, toPath: directory + "/real.pem")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory + "/real.pem")
            #expect(throws: Failure.self) { try DevelopmentIssuer.load(directory: directory, fleet: "shop") }
            try FileManager.default.removeItem(atPath: path)
            #expect(
                FileManager.default.createFile(
                    atPath: path, contents: Data("x".utf8), attributes: [.posixPermissions: 0o600]))
            #expect(throws: Failure.self) { try DevelopmentIssuer.load(directory: directory, fleet: "shop") }
        }
    }

    @Test("a token lives for 24 hours at most", arguments: [0, 0.5, -1, 86_401, .infinity, .nan])
    func life(_ seconds: Double) throws {
        try withDirectory { directory in
            let issuer = try DevelopmentIssuer.load(directory: directory, fleet: "shop")
            #expect(throws: Failure.self) {
                try issuer.mint(pool: "p", scope: "s", audience: "a", subject: "x", ttl: Seconds(seconds))
            }
        }
    }
}
