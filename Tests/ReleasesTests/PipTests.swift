import Fleet
import Testing

@testable import Releases

@Suite("What pip says")
struct PipTests {
    private func report(_ url: String, _ archive: String) -> [UInt8] {
        let item =
            #"{"download_info":{"url":"\#(url)","archive_info":\#(archive)},"#
            + #""metadata":{"name":"My.Pkg_x","version":"1.0"}}"#
        return Array(#"{"version":"1","install":[\#(item)]}"#.utf8)
    }
    private let hash = String(repeating: "a", count: 64)

    @Test("a report gives normalised names, file names without escapes, and hashes in both spellings")
    func report() throws {
        let url = "https://user:word@host/x/My.Pkg-1.0%2Bcpu-py3-none-any.whl#frag"
        for archive in [#"{"hashes":{"sha256":"\#(hash)"}}"#, #"{"hash":"sha256=\#(hash)"}"#] {
            let wheels = try PipReport(report(url, archive)).wheels
            #expect(wheels.map(\.package.name) == ["my-pkg-x"])
            #expect(wheels.map(\.package.file) == ["My.Pkg-1.0+cpu-py3-none-any.whl"])
            #expect(wheels.map(\.package.sha256.hex) == [hash])
            #expect(!"\(wheels)".contains("word"))
        }
    }

    @Test("a source distribution is refused by name")
    func sdist() async throws {
        let bytes = report("https://host/my-pkg-1.0.tar.gz", #"{"hashes":{"sha256":"\#(hash)"}}"#)
        let refusal = try await failure { _ = try PipReport(bytes) }
        #expect(refusal.code == .badSpec)
        #expect(refusal.why.contains("my-pkg-1.0.tar.gz is not a wheel"))
    }

    @Test(
        "a report without hashes, without packages or without sense is refused",
        arguments: [
            #"{"install":[]}"#, "[]", "",
            #"{"install":[{"download_info":{"url":"h/a.whl"},"metadata":{"name":"a","version":"1"}}]}"#,
        ])
    func garbage(text: String) async throws {
        #expect(try await failure { _ = try PipReport(Array(text.utf8)) }.code == .unavailable)
    }

    @Test(
        "each kind of trouble gets its own exit code and next step",
        arguments: [
            (
                "ERROR: Could not find a version that satisfies the requirement a==3.1 (from versions: 1.0, 3.0, 3.2)",
                Failure.Code.badSpec, "among others 3.0, 3.2"
            ),
            (
                "ERROR: Could not find a version that satisfies the requirement a==3.1 (from versions: none)",
                .badSpec, "in no version"
            ),
            (
                "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
                    + "ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)",
                .unavailable, "could not be reached"
            ),
            (
                "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
                .failed, "No space left"
            ),
            ("ERROR: ResolutionImpossible: for help visit", .badSpec, "ResolutionImpossible"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", .failed, "other bytes"),
            ("", .failed, "pip said nothing"),
        ])
    func diagnosis(output: String, code: Failure.Code, why: String) {
        let failure = PipDiagnosis.failure("cannot resolve pypi:a@3.1", output)
        #expect(failure.code == code)
        #expect(failure.why.contains(why))
    }

    @Test("credentials in pip's words are redacted and long output is cut to its end")
    func redaction() {
        let output = (1...99).map { "line \($0)\n" }.joined() + "from https://user:p%40ss@host/simple and http://tok@h/"
        let words = PipDiagnosis.trimmed(output)
        #expect(!words.contains("p%40ss") && !words.contains("tok@") && words.contains("https://***@host/simple"))
        #expect(!words.contains("line 5\n") && words.contains("line 99"))
    }

    @Test("pip sees where the registry is, and nothing else of the operator's environment")
    func environment() {
        let mine = ["PIP_INDEX_URL": "u", "PIP_TARGET": "/x", "PIP_USER": "1", "TOKEN": "t", "PATH": "/bin"]
        #expect(Set(PipEnvironment.online(mine).keys).intersection(mine.keys) == ["PIP_INDEX_URL", "PATH"])
        #expect(Set(PipEnvironment.offline(mine).keys).intersection(mine.keys) == ["PATH"])
    }
}
