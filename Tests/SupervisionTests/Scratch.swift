import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

/// A fresh directory for one test, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = "/tmp/convoy-test-" + SystemSecrets().secret(bytes: 6).reveal()
        try PosixFiles().makeDirectory(path, mode: 0o700)
    }

    deinit { try? PosixFiles().remove(path) }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ name: String, _ content: String, mode: UInt16 = 0o600) throws -> String {
        try PosixFiles().write(file(name), content, mode: mode)
        return file(name)
    }

    func content(_ name: String) throws -> String { try #require(try PosixFiles().read(file(name))) }

    func plan(
        _ executable: String, _ arguments: [String], environment: [String: String] = ["PATH": "/usr/bin:/bin"],
        secretsFile: String? = nil, listeners: [Int32] = []
    ) -> ProcessPlan {
        ProcessPlan(
            id: "one", executable: executable, arguments: arguments, environment: environment,
            secretsFile: secretsFile, workingDirectory: path, logFile: file("one.log"), listeners: listeners)
    }

    func shell(_ script: String) -> ProcessPlan { plan("/bin/sh", ["-c", script]) }

    func python(_ script: String, listeners: [Int32] = []) -> ProcessPlan {
        plan("/usr/bin/python3", ["-c", script], listeners: listeners)
    }
}

/// A named pipe over which a child tells its test something.
final class Pipe: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ scratch: Scratch, _ name: String = "pipe") throws {
        path = scratch.file(name)
        try #require(mkfifo(path, 0o600) == 0)
        // Read and write: never at its end, and opening it waits for nobody.
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
    }

    deinit { close(descriptor) }

    func line() async -> String {
        await blocking { [descriptor] in
            var text: [UInt8] = []
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) == 1, byte != 10 { text.append(byte) }
            return String(decoding: text, as: UTF8.self)
        }
    }
}

func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Returns when the process is dead, whoever its parent is.
func death(of pid: Int32) async {
    await blocking {
        guard let pidfd = try? OwnedDescriptor(pidfdOf: pid) else { return }
        var wait = pollfd(fd: pidfd.number, events: Int16(POLLIN), revents: 0)
        poll(&wait, 1, -1)
    }
}

extension DirectProcesses {
    func nextExit() async -> ProcessExit? {
        for await exit in exits { return exit }
        return nil
    }
}

func message(of body: () async throws -> Void) async -> String {
    do {
        try await body()
        return "nothing failed"
    } catch {
        return "\(error)"
    }
}
