import Fleet
import Ports
import Testing

@testable import Supervision

@Suite("Asking a program what it says of its settings")
struct DryRunTests {
    private func ask(
        _ script: String, environment: [String: String] = [:], deadline: Seconds = 20,
        executable: String = "/bin/sh", in sandbox: (@Sendable (DryRun) -> [String])? = nil
    ) async throws -> String? {
        try await ProgramDryRun(in: sandbox).run(
            DryRun(
                executable: executable, arguments: ["-c", script], environment: environment, release: "/release",
                deadline: deadline))
    }

    @Test("one that ends with 0 has nothing against them, whatever it prints")
    func content() async throws {
        #expect(try await ask("echo all of it; echo a warning >&2; head -c 3000000 /dev/zero") == nil)
    }

    @Test("one that refuses is quoted by what it said first and last on standard error, with its exit code")
    func refusal() async throws {
        let words = try #require(try await ask("echo shown; for n in 1 2 3 4 5; do echo line $n >&2; done; exit 3"))
        #expect(words == "line 1; line 2; ...; line 4; line 5 (exit 3)")
        #expect(try await ask("exit 1") == "exit 1, and no word on standard error")
        #expect(try await ask("kill -9 $$") == "killed by signal 9, and no word on standard error")
    }

    @Test("one that does not end is killed at its deadline, with whatever it started")
    func endless() async throws {
        let scratch = try Scratch()
        let script = "echo $$ > \(scratch.file("pid")); exec sleep 600"
        let words = try await ask(script, environment: ["PATH": "/bin:/usr/bin"], deadline: 0.3)
        #expect(words == "it had not ended after \(Seconds(0.3).spelled)")
        let pid = try #require(Int32(try scratch.content("pid").dropLast()))
        #expect(ProcessStat(pid: pid)?.isGone ?? true)
    }

    @Test("it is told what it is given and nothing else, and reads nothing")
    func environment() async throws {
        let wanted = #"[ "$ONLY" = "a b" ] && [ -z "$HOME$CONVOY_PARTS" ] && ! read line"#
        #expect(try await ask(wanted, environment: ["ONLY": "a b"]) == nil)
    }

    @Test("a program that is not there can't be asked")
    func missing() async throws {
        let words = try #require(try await ask("", executable: "/no/such/program"))
        #expect(words.hasPrefix("it can't be run: "))
    }

    @Test("a sandbox is told everything by its arguments, and has an environment of its own")
    func sandbox() async throws {
        let words = try await ask("never", environment: ["ONLY": "x"]) { trial in
            ["/bin/sh", "-c", "echo \"$PATH|$ONLY|$1\" >&2; exit 4", "sh", trial.release]
        }
        #expect(words == "/usr/sbin:/usr/bin:/sbin:/bin||/release (exit 4)")
    }
}
