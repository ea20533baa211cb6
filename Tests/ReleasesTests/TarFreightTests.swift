import Fleet
import Foundation
import Testing

@testable import Releases

@Suite("Releases on their way")
struct TarFreightTests {
    private func freight(_ scratch: Scratch, _ state: String) -> TarFreight {
        let path = scratch.path + "/" + state
        return TarFreight(state: path, seal: TreeReleaseSeal(state: path))
    }

    private func packed(_ scratch: Scratch) async throws -> (Digest, String) {
        try scratch.server()
        let (store, _) = scratch.store()
        let digest = try await store.resolve(server, constraints: []).digest
        let archive = scratch.path + "/release.tar.gz"
        try await freight(scratch, "state").pack(digest, to: archive)
        return (digest, archive)
    }

    @Test("what arrives is the same release, sealed where it is now")
    func arrives() async throws {
        let scratch = try Scratch()
        let (digest, archive) = try await packed(scratch)
        try await freight(scratch, "there").unpack(archive, as: digest)
        let (store, seal) = scratch.store("there")
        #expect(try await store.list().map(\.digest) == [digest])
        try seal.check(digest)
        try await store.verify(digest)
        let command = try await store.command("run", of: try #require(try await store.list().first))
        #expect(command.executable.hasPrefix(scratch.path + "/there/"))
    }

    @Test("what is there, whole, is not touched; what was spoilt there comes anew")
    func again() async throws {
        let scratch = try Scratch()
        let (digest, archive) = try await packed(scratch)
        let there = freight(scratch, "there")
        try await there.unpack(archive, as: digest)
        let file = "there/releases/\(digest.hex)/tree/lib/data.txt"
        let before = Posix.fingerprint(scratch.path + "/" + file)
        try await there.unpack(archive, as: digest)
        #expect(before != nil && Posix.fingerprint(scratch.path + "/" + file) == before)
        try scratch.write(file, "spoilt")
        try await freight(scratch, "there").unpack(archive, as: digest)
        try await scratch.store("there").store.verify(digest)
    }

    @Test("another release, a cut archive and no archive are refused, and leave nothing")
    func refused() async throws {
        let scratch = try Scratch()
        let other = try #require(Digest(hex: String(repeating: "a", count: 64)))
        let (digest, archive) = try await packed(scratch)
        let bytes = try Data(contentsOf: URL(filePath: archive))
        try bytes.prefix(bytes.count / 2).write(to: URL(filePath: scratch.path + "/cut"))
        try scratch.write("rubbish", "no archive")
        for name in ["cut", "rubbish", "missing"] {
            let failure = try await failure {
                try await freight(scratch, "there").unpack(scratch.path + "/" + name, as: digest)
            }
            #expect(failure.what.contains(digest.short))
        }
        _ = try await failure { try await freight(scratch, "there").unpack(archive, as: other) }
        #expect(try await scratch.store("there").store.list().isEmpty)
    }

    @Test("a tree that is not what its card says is refused")
    func forged() async throws {
        let scratch = try Scratch()
        let (digest, _) = try await packed(scratch)
        let release = scratch.path + "/state/releases/" + digest.hex
        try scratch.write("forged/tree/run", "#!/bin/sh\nevil\n", mode: 0o755)
        let card = "/release.json"
        try FileManager.default.copyItem(atPath: release + card, toPath: scratch.path + "/forged" + card)
        let host = PythonHost(python: "/usr/bin/python3", tools: scratch.path, environment: [:])
        let archive = scratch.path + "/forged.tar.gz"
        let outcome = try await host.run(
            "/usr/bin/tar", ["-C", scratch.path + "/forged", "-czf", archive, "tree", "release.json"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.succeeded)
        let failure = try await failure { try await freight(scratch, "there").unpack(archive, as: digest) }
        #expect(failure.why.contains("digest"))
        #expect(try await scratch.store("there").store.list().isEmpty)
    }
}
