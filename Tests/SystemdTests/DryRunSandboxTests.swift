import Fleet
import Ports
import Supervision
import Testing

@testable import Systemd

extension OnSystemdHost {
    @Suite("Asking a server what it says of its settings, behind walls")
    struct DryRunSandboxTests {
        private func ask(
            _ script: String, environment: [String: String] = [:], deadline: Seconds = 20
        ) async throws -> String? {
            try await ProgramDryRun(in: DryRunSandbox.command).run(
                DryRun(
                    executable: "/bin/sh", arguments: ["-c", script], environment: environment, release: "/usr/share",
                    deadline: deadline))
        }

        @Test("what it is told reaches it as it stands, and its words and exit code come back")
        func words() async throws {
            let odd = "a b $HOME %n \\x41 \"q\" 'é'"
            #expect(try await ask("printf '%s' \"$ODD\" >&2; exit 3", environment: ["ODD": odd]) == odd + " (exit 3)")
            #expect(try await ask("exit 0") == nil)
        }

        @Test(
            "it can do nothing but look",
            arguments: [
                "touch /etc/there", "touch /var/lib/convoy/there", "touch /root/there", "ls /etc/convoy", "ls /root/.",
                "cat /etc/ssh/ssh_host_ed25519_key", "test \"$(id -u)\" = 0", "grep -v lo: /proc/net/dev | grep :",
                "echo 1 > /proc/sys/kernel/panic", "kill -0 1",
            ])
        func walls(_ deed: String) async throws {
            let words = try await ask("if (\(deed)) >/dev/null 2>&1; then exit 0; else exit 7; fi")
            #expect(words == "exit 7, and no word on standard error")
        }

        @Test("one that does not end is killed by systemd, too")
        func endless() async throws {
            #expect(try await ask("exec sleep 4711", deadline: 0.5)?.hasPrefix("it had not ended") == true)
            var left = "?"
            for _ in 0..<100 where left != "0" {
                left = try await SystemdHost.run("sh", "-c", "ps -eo args | grep -c '^sleep 471[1]' || true")
                if left != "0" { try await Task.sleep(for: .milliseconds(100)) }
            }
            #expect(left == "0")
        }
    }
}
