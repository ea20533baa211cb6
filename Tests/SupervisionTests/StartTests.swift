import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Starting a process")
struct StartTests {
    let scratch: Scratch
    let backend: DirectProcesses

    init() throws {
        scratch = try Scratch()
        backend = try DirectProcesses()
    }

    @Test("it gets the given arguments and environment, secrets included, and nothing else")
    func environment() async throws {
        let secrets = try scratch.write("secrets.json", #"{"DB_URI": "mongodb://u:s3cr3t=\"x\"@db/"}"#)
        let plan = scratch.plan(
            "/usr/bin/python3",
            ["-c", "import os,sys,json; print(json.dumps([sys.argv[1:], dict(os.environ)]))", "a b", ""],
            environment: ["ONE": "1", "EMPTY": "", "LISTEN_PID": "1"], secretsFile: secrets)
        _ = try await backend.start(plan)
        #expect(await backend.nextExit()?.cause == .exited(code: 0))
        let said = try JSONDecoder().decode(JSONValue.self, from: Data(try scratch.content("one.log").utf8))
        #expect(said.arrayValue?.first == .array([.string("a b"), .string("")]))
        var environment = said.arrayValue?.last?.objectValue
        // Python's own, when there is no locale.
        environment?["LC_CTYPE"] = nil
        #expect(
            environment == [
                "ONE": .string("1"), "EMPTY": .string(""), "DB_URI": .string(#"mongodb://u:s3cr3t="x"@db/"#),
            ])
    }

    @Test("no secret is in its command line, nor in the log")
    func secretsStayOut() async throws {
        let secrets = try scratch.write("secrets.json", #"{"DB_URI": "s3cr3t"}"#)
        let pipe = try Pipe(scratch)
        let record = try await backend.start(
            scratch.plan("/bin/sh", ["-c", "echo up >\(pipe.path); sleep 600"], secretsFile: secrets))
        #expect(await pipe.line() == "up")
        let line = try #require(try PosixFiles().read("/proc/\(record.pid)/cmdline"))
        #expect(!line.contains("s3cr3t") && line.contains("sleep 600"))
        #expect(try #require(try PosixFiles().read("/proc/\(record.pid)/environ")).contains("s3cr3t"))
        await backend.signal(record, .kill, wholeGroup: true)
        _ = await backend.nextExit()
        #expect(try scratch.content("one.log") == "")
    }

    @Test("it leads a session and group of its own, without terminal, input, masks or our descriptors")
    func surroundings() async throws {
        let script = """
            import os, signal
            print(os.getpid() == os.getpgrp() == os.getsid(0))
            print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1], repr(os.read(0, 1)))
            print(signal.pthread_sigmask(signal.SIG_BLOCK, []), oct(os.umask(0)), os.getcwd())
            print([l.split()[1] for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn'))])
            try: open('/dev/tty')
            except OSError as e: print('no tty')
            """
        _ = try await backend.start(scratch.python(script))
        _ = await backend.nextExit()
        let said = try scratch.content("one.log").split(separator: "\n").map { String($0) }
        // Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
        let ignored = "['0000000000000000', '0000000001001000']"
        #expect(said == ["True", "[0, 1, 2] b''", "set() 0o77 \(scratch.path)", ignored, "no tty"])
    }

    @Test("its log is appended to and only its owner may read it")
    func log() async throws {
        for word in ["one", "two"] {
            _ = try await backend.start(scratch.shell("echo \(word); echo \(word) >&2"))
            _ = await backend.nextExit()
        }
        #expect(try scratch.content("one.log") == "one\none\ntwo\ntwo\n")
        var status = stat()
        try #require(stat(scratch.file("one.log"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("listeners arrive as descriptors 3 and 4, announced as systemd does")
    func listeners() async throws {
        let first = try ListeningSocket(path: scratch.file("a.sock"), mode: 0o600)
        let second = try ListeningSocket(path: scratch.file("b.sock"), mode: 0o600)
        let script = """
            import os, socket
            assert os.environ['LISTEN_PID'] == str(os.getpid()), os.environ['LISTEN_PID']
            print(os.environ['LISTEN_FDS'])
            for fd in (3, 4): print(socket.socket(fileno=fd).getsockname())
            """
        // Backwards, so that one is moved over the other if this is done carelessly.
        let plan = scratch.python(script, listeners: [second.descriptor, first.descriptor])
        _ = try await backend.start(plan)
        #expect(await backend.nextExit()?.cause == .exited(code: 0))
        #expect(try scratch.content("one.log") == "2\n\(second.path)\n\(first.path)\n")
    }

    @Test("it drops to another user and group, with no groups left", .enabled(if: geteuid() == 0))
    func runAs() async throws {
        var plan = scratch.plan("/usr/bin/id", [])
        plan.runAs = .init(user: 65_534, group: 65_534)
        plan.workingDirectory = "/"
        _ = try await backend.start(plan)
        #expect(await backend.nextExit()?.cause == .exited(code: 0))
        #expect(
            try scratch.content("one.log").hasPrefix("uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)"))
        #expect(geteuid() == 0)
        plan.workingDirectory = scratch.path
        let refused = plan
        let said = await message { _ = try await backend.start(refused) }
        #expect(said.contains("cannot enter its directory \(scratch.path): Permission denied"))
    }

    @Test("a directory of its own is made for whom it runs as, and nobody else gets in", .enabled(if: geteuid() == 0))
    func ownDirectories() async throws {
        let own = scratch.path + "/own"
        var plan = scratch.plan("/usr/bin/stat", ["-c", "%a %u:%g", own])
        plan.runAs = .init(user: 65_534, group: 65_534)
        plan.workingDirectory = "/"
        plan.ownDirectories = [own]
        for _ in 1...2 {
            _ = try await backend.start(plan)
            _ = await backend.nextExit()
        }
        var status = stat()
        #expect(lstat(own, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700 && status.st_uid == 65_534 && status.st_gid == 65_534)
        try FileManager.default.removeItem(atPath: own)
        try FileManager.default.createSymbolicLink(atPath: own, withDestinationPath: "/etc")
        let refused = plan
        #expect(await message { _ = try await backend.start(refused) }.contains("cannot open \(own)"))
    }

    @Test("each way a start can fail says so in its own words and leaves no process")
    func failures() async throws {
        let text = try scratch.write("text", "hello", mode: 0o644)
        let script = try scratch.write("script", "#!/no/such/interpreter\n", mode: 0o755)
        let garbage = try scratch.write("garbage", "hello", mode: 0o755)
        let cases: [(String, String)] = [
            ("/no/such/program", "cannot start one: /no/such/program is not there"),
            (text, "\(text) may not be executed: Permission denied"),
            (script, "\(script) names an interpreter that is not there"),
            (garbage, "\(garbage) is no program for this machine"),
            (scratch.path, "\(scratch.path) is a directory"),
            ("sleep", "sleep is no absolute path"),
        ]
        for (program, expected) in cases {
            let said = await message { _ = try await backend.start(scratch.plan(program, [])) }
            #expect(said.contains(expected) && said.contains("next: "))
        }
        for (change, expected) in surroundingFailures {
            var plan = scratch.shell("true")
            change(&plan)
            let broken = plan
            let said = await message { _ = try await backend.start(broken) }
            #expect(said.contains(expected) && said.contains("next: "))
        }
    }

    private var surroundingFailures: [((inout ProcessPlan) -> Void, String)] {
        [
            ({ $0.workingDirectory = "/no/such" }, "cannot enter its directory /no/such: No such file or directory"),
            ({ $0.logFile = "/no/such/log" }, "cannot start one: cannot open /no/such/log"),
            ({ $0.arguments = ["a\0b"] }, "holds a NUL byte"),
            ({ $0.listeners = [9_999] }, "cannot hand over its descriptors: Bad file descriptor"),
            ({ $0.secretsFile = "/no/such/secrets" }, "cannot read secrets from /no/such/secrets"),
        ]
    }

    @Test(
        "secrets that others can read, or that are no object of texts, stop the start and are not repeated",
        arguments: [
            (#"{"A": "s3cr3t"}"#, UInt16(0o640), "its mode is 0640"),
            (#"{"A": "s3cr3t"}"#, 0o604, "its mode is 0604"),
            (#"{"A": s3cr3t}"#, 0o600, "it is not a JSON object of texts"),
            (#"{"A": {"s3cr3t": 1}}"#, 0o600, "it is not a JSON object of texts"),
            (#"{"A=B": "s3cr3t"}"#, 0o600, "a name in it is empty or holds '='"),
            (#"{"A": "s3cr3t\u0000"}"#, 0o600, "a value in it holds NUL"),
        ])
    func badSecrets(content: String, mode: UInt16, expected: String) async throws {
        let path = try scratch.write("secrets.json", content, mode: mode)
        let said = await message {
            _ = try await backend.start(scratch.plan("/bin/true", [], secretsFile: path))
        }
        #expect(said.contains(expected) && said.contains(path) && !said.contains("s3cr3t"))
    }

    @Test("a secrets file that is a link is not followed")
    func linkedSecrets() async throws {
        let path = try scratch.write("secrets.json", "{}")
        try #require(symlink(path, scratch.file("link")) == 0)
        let link = scratch.file("link")
        let said = await message {
            _ = try await backend.start(scratch.plan("/bin/true", [], secretsFile: link))
        }
        #expect(said.contains("symbolic link"))
    }
}
