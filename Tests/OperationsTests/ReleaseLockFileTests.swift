import Fleet
import Testing

@testable import Operations

@Suite("fleet.lock")
struct ReleaseLockFileTests {
    private func lock() throws -> ReleaseLock {
        var lock = ReleaseLock()
        for version in ["2.0.0", "1.6.3"] {
            lock.record(
                LockedRelease(
                    reference: ReleaseReference(kind: .pypi, name: "mcp-grafana", version: version),
                    constraints: ["b==1", "a==2"], platform: "cp311-linux_x86_64",
                    packages: [
                        LockedPackage(
                            name: "mcp-grafana", version: version, file: "mcp_grafana-\(version)-py3-none-any.whl",
                            sha256: try digest("a"))
                    ], digest: try digest("b")))
        }
        return lock
    }

    @Test("what was written is read back, and written again it has the same bytes")
    func roundTrip() throws {
        let text = try ReleaseLockFile.encode(lock())
        let read = try ReleaseLockFile.decode(text, file: "fleet.lock")
        #expect(read == (try lock()))
        #expect(try ReleaseLockFile.encode(read) == text)
        #expect(text.hasSuffix("}\n"))
        #expect(text.split(separator: "\n")[1].contains(#""_about" : "Written by convoy"#))
    }

    @Test(
        "garbage is a bad spec that names the file and the place",
        arguments: [
            ("", "not JSON"), ("{", "not JSON"), ("[]", "the document"), ("{}", "lacks format"),
            (#"{"format":2,"releases":[]}"#, "its format is 2"), (#"{"format":1}"#, "lacks releases"),
            (#"{"format":1,"releases":[{}]}"#, "releases/0 lacks reference"),
        ])
    func garbage(text: String, why: String) async throws {
        let refusal = try await failure { _ = try ReleaseLockFile.decode(text, file: "x/fleet.lock") }
        #expect(refusal.code == .badSpec)
        #expect(refusal.what.contains("x/fleet.lock"))
        #expect(refusal.why.contains(why))
    }

    @Test(
        "a program that is not below its release is refused",
        arguments: ["../../bin/sh", "/bin/sh", "a//b", "a/./b", ""])
    func programs(path: String) async throws {
        var bad = try lock()
        bad.releases[0].programs = ["mcp-grafana": path]
        let text = try ReleaseLockFile.encode(bad)
        #expect(try await failure { _ = try ReleaseLockFile.decode(text, file: "l") }.why.contains("is not below"))
        bad.releases[0].programs = ["mcp-grafana": "bin/mcp-grafana"]
        #expect(try ReleaseLockFile.decode(ReleaseLockFile.encode(bad), file: "l") == bad)
    }

    @Test("names that would become paths or pip options are refused", arguments: ["../x", "-r", "a b", "a/b", ""])
    func names(name: String) async throws {
        var bad = try lock()
        bad.releases[0].packages[0].name = name
        let text = try ReleaseLockFile.encode(bad)
        #expect(try await failure { _ = try ReleaseLockFile.decode(text, file: "l") }.why.contains("is not one wheel"))
    }
}
