import Fleet
import Foundation
import Glibc
import Subprocess
import Testing

@testable import Releases

private let parts = ProcessInfo.processInfo.environment["CONVOY_PARTS"]

@Suite("Releases from PyPI (real parts)", .enabled(if: parts != nil), .serialized)
struct PypiReleaseTests {
    private let grafana = ReleaseReference(kind: .pypi, name: "mcp-grafana", version: "2.0.0")
    private let documentdb = ReleaseReference(kind: .pypi, name: "documentdb-mcp", version: "0.1.54")

    private var wheelhouse: [String: String] {
        ["PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (parts ?? "") + "/wheels", "PATH": "/usr/bin:/bin"]
    }

    private func run(_ command: ReleaseCommand, _ arguments: [String]) async throws -> String {
        let environment = command.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await Subprocess.run(
            .path(.init(command.executable)), arguments: Arguments(command.arguments + arguments),
            environment: .custom(Dictionary(uniqueKeysWithValues: environment)),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        print("measured: \(arguments) took \(clock.now - start)")
        return result.standardOutput + result.standardError
    }

    @Test("the wheel's own program starts without its wrapper; an unknown version is a bad spec")
    func program() async throws {
        let scratch = try Scratch()
        let (store, seal) = scratch.store(environment: wheelhouse)
        let locked = try await store.resolve(grafana, constraints: [])
        #expect(locked.packages.map(\.file) == ["mcp_grafana-2.0.0-py3-none-manylinux_2_17_x86_64.whl"])
        #expect(locked.platform.hasPrefix("cp3"))
        let release = try await store.install(locked)
        try seal.check(locked.digest)
        let command = try await store.command("mcp-grafana", of: release)
        #expect(command.executable.hasSuffix("/tree/mcp_grafana/bin/mcp-grafana"))
        #expect(try await run(command, ["--version"]).contains("2.0.0"))
        var other = grafana
        other.version = "2.9.9"
        let refusal = try await failure { _ = try await store.resolve(other, constraints: []) }
        #expect(refusal.code == .badSpec && refusal.why.contains("2.1.1"))
        var foreign = locked
        foreign.platform = "cp312-linux_x86_64"
        foreign.digest = try digest("d")
        #expect(try await failure { _ = try await store.install(foreign) }.why.contains("cp312-linux_x86_64"))
        foreign.platform = locked.platform
        #expect(try await failure { _ = try await store.install(foreign) }.why.contains("digest"))
    }

    @Test("a Python release: equal digest elsewhere and offline, starts compiled, a changed byte is named")
    func python() async throws {
        let scratch = try Scratch()
        let (store, seal) = scratch.store(environment: wheelhouse)
        let clock = ContinuousClock()
        var start = clock.now
        func lap(_ what: String) {
            print("measured: \(what) took \(clock.now - start)")
            start = clock.now
        }
        let locked = try await store.resolve(documentdb, constraints: [])
        lap("resolve and install")
        #expect(locked.packages.count > 100)
        let release = try await store.install(locked)
        try seal.check(locked.digest)
        lap("first check")
        for _ in 1...5 {
            try seal.check(locked.digest)
            lap("check")
        }
        try await store.verify(locked.digest)
        lap("verify")

        // Elsewhere: another root and umask, hostile pip settings, the wheels only from the cache.
        let elsewhere = scratch.path + "/else where"
        try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: elsewhere + "/wheels", withDestinationPath: scratch.path + "/state/wheels")
        try scratch.write("else where/releases/.staging/9-9/tree/garbage.py", "")
        let mask = umask(0o077)
        defer { umask(mask) }
        let settings = [
            "PIP_NO_INDEX": "1", "PIP_TARGET": "/nonexistent", "PIP_COMPILE": "1", "PIP_USER": "1",
            "PATH": "/usr/bin:/bin",
        ]
        let second = scratch.store("else where", environment: settings)
        let copy = try await second.store.install(locked)
        lap("install elsewhere")
        #expect(copy.digest == release.digest)

        let cache = elsewhere + "/releases/\(copy.digest)/pycache" + copy.tree + "/documentdb_mcp"
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache).contains { $0.hasPrefix("mcp_server.cp") })

        let command = try await second.store.command("documentdb-mcp", of: copy)
        for _ in 1...2 { #expect(try await run(command, ["--help"]).contains("transport")) }
        try second.seal.check(locked.digest)

        let files = ["tree/documentdb_mcp/mcp_server.py", "launch.py"]
        for file in files {
            let path = scratch.path + "/state/releases/\(locked.digest)/" + file
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[bytes.count / 2] ^= 1
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            try handle.write(contentsOf: bytes)
            try handle.close()
            #expect(try await failure { try seal.check(locked.digest) }.why.contains(file))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: path))
            try seal.check(locked.digest)
        }
    }
}
