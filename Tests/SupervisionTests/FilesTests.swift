import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Files and secrets on this machine")
struct FilesTests {
    let scratch: Scratch
    let files = PosixFiles()

    init() throws { scratch = try Scratch() }

    @Test("what is written is read again, with the mode asked for, and no temporary file stays")
    func writes() throws {
        for content in ["", "one", String(repeating: "ä", count: 100_000)] {
            try files.write(scratch.file("a"), content, mode: 0o644)
            #expect(try files.read(scratch.file("a")) == content)
        }
        #expect(mode("a") == 0o644)
        try files.write(scratch.file("a"), "x", mode: 0o600)
        #expect(mode("a") == 0o600)
        #expect(try files.list(scratch.path) == ["a"])
    }

    @Test("a reader sees the old content or the new one, never a part of it")
    func atomic() async throws {
        let texts = [String(repeating: "a", count: 200_000), String(repeating: "b", count: 300_000)]
        try files.write(scratch.file("a"), texts[0], mode: 0o600)
        let path = scratch.file("a")
        let reader = Task { [files] in
            var seen: Set<String> = []
            while !Task.isCancelled { seen.insert(try files.read(path) ?? "missing") }
            return seen
        }
        for round in 0..<50 { try files.write(path, texts[round % 2], mode: 0o600) }
        reader.cancel()
        #expect(try await reader.value.isSubset(of: texts))
    }

    @Test("a missing file reads as nothing, a missing directory as empty, and removing it is no error")
    func missing() throws {
        #expect(try files.read(scratch.file("no")) == nil)
        #expect(try files.list(scratch.file("no")) == [])
        try files.remove(scratch.file("no"))
    }

    @Test("directories are made with their parents, and removed with all in them but no link's target")
    func directories() throws {
        try files.makeDirectory(scratch.file("a/b/c"), mode: 0o750)
        try files.makeDirectory(scratch.file("a/b/c"), mode: 0o750)
        #expect(mode("a/b/c") == 0o750)
        let kept = try scratch.write("kept", "x")
        try #require(symlink(kept, scratch.file("a/b/link")) == 0)
        try #require(symlink(scratch.path, scratch.file("a/b/up")) == 0)
        _ = try scratch.write("a/b/c/file", "x")
        try files.remove(scratch.file("a"))
        #expect(try files.list(scratch.path) == ["kept"])
    }

    @Test("errors name the path, the reason and a next step")
    func errors() async throws {
        _ = try scratch.write("file", "x")
        try Data([0xff, 0xfe]).write(to: URL(fileURLWithPath: scratch.file("binary")))
        let said = await [
            message { try files.write("/no/such/file", "", mode: 0o600) },
            message { try files.write("/dev/full/x", "", mode: 0o600) },
            message { try files.write("/proc/x", "", mode: 0o600) },
            message { try files.makeDirectory(scratch.file("file"), mode: 0o700) },
            message { try files.makeDirectory(scratch.file("file/x"), mode: 0o700) },
            message { _ = try files.read(scratch.file("binary")) },
            message { _ = try files.read(scratch.path) },
        ]
        let expected = [
            "cannot write /no/such/file: No such file or directory\n  next: check that",
            "cannot write /dev/full/x: Not a directory",
            "cannot write /proc/x: ",
            "cannot make directory \(scratch.path)/file: Not a directory\n  next: something above",
            "cannot make directory \(scratch.path)/file/x: Not a directory",
            "cannot read \(scratch.path)/binary: it is not UTF-8 text\n  next: restore it",
            "cannot read \(scratch.path): Is a directory",
        ]
        for (text, start) in zip(said, expected) { #expect(text.hasPrefix(start)) }
        let full = SystemError(code: ENOSPC).failure("cannot write /a", path: "/a")
        #expect(full.code == .unavailable && full.next.contains("free space"))
        #expect(SystemError(code: EROFS).failure("cannot write /a", path: "/a").next.contains("read-only"))
    }

    @Test("secrets are spelt in base64url, as long as asked, and never twice")
    func secrets() {
        #expect(SystemSecrets.base64URL([]) == "")
        #expect(SystemSecrets.base64URL([0xff]) == "_w")
        #expect(SystemSecrets.base64URL([0xfb, 0xff]) == "-_8")
        #expect(SystemSecrets.base64URL(Array("any carnal pleas".utf8)) == "YW55IGNhcm5hbCBwbGVhcw")
        let many = Set((0..<1_000).map { _ in SystemSecrets().secret(bytes: 32).reveal() })
        #expect(many.count == 1_000 && many.allSatisfy { $0.count == 43 })
    }

    @Test("one supervisor per root, and the next one learns who holds it")
    func lock() async throws {
        let path = scratch.file("supervisor.lock")
        #expect(SupervisorLock.holder(path: path) == nil)
        var lock: SupervisorLock? = try SupervisorLock(path: path)
        #expect(SupervisorLock.holder(path: path) == getpid())
        let said = await message { _ = try SupervisorLock(path: path) }
        #expect(said.hasPrefix("cannot supervise this root: another supervisor (pid \(getpid())) does"))
        #expect(lock != nil)
        lock = nil
        #expect(SupervisorLock.holder(path: path) == nil)
        _ = try SupervisorLock(path: path)
    }

    @Test("a lock is not handed on to the processes that its holder starts, and dies with the holder")
    func lockAndChildren() async throws {
        let (path, pipe, backend) = (scratch.file("supervisor.lock"), try Pipe(scratch), try DirectProcesses())
        var lock: SupervisorLock? = try SupervisorLock(path: path)
        let child = try await backend.start(scratch.shell("echo up >\(pipe.path); sleep 600"))
        #expect(await pipe.line() == "up")
        #expect(lock != nil)
        lock = nil
        #expect(SupervisorLock.holder(path: path) == nil)
        await backend.signal(child, .kill, wholeGroup: true)
        _ = await backend.nextExit()
    }

    private func mode(_ name: String) -> mode_t {
        var status = stat()
        return stat(scratch.file(name), &status) == 0 ? status.st_mode & 0o7777 : 0
    }
}
