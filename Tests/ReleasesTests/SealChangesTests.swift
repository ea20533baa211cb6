import Fleet
import Foundation
import Planning
import Testing

@testable import Releases

@Suite("Everything that changed in a release")
struct SealChangesTests {
    @Test("added, changed, missing and of another mode are all told; of what was added only the top")
    func changes() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let (store, seal) = scratch.store()
        let locked = try await store.resolve(server, constraints: [])
        let release = try await store.install(locked)
        #expect(try seal.changes(of: release.digest) == [])
        try scratch.touch(release.tree, "evil/__init__.py", "import os")
        try scratch.touch(release.tree, "run", "#!/bin/sh\necho no\n")
        #expect(chmod(release.tree + "/run", 0o755) == 0)
        #expect(chmod(release.tree + "/lib/data.txt", 0o666) == 0)
        #expect(unlink(release.tree + "/lib/run") == 0)
        let found = try seal.changes(of: release.digest)
        #expect(
            Set(found.map { "\($0.kind.rawValue) \($0.path)" }) == [
                "added tree/evil", "changed tree/run", "mode tree/lib/data.txt", "missing tree/lib/run",
            ])
    }

    @Test("a release that is gone, or whose seal was forged, is told as such")
    func seals() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let (store, seal) = scratch.store()
        let release = try await store.install(try await store.resolve(server, constraints: []))
        try Data("{}".utf8).write(to: URL(filePath: release.tree + "/../seal.json"))
        #expect(try seal.changes(of: release.digest) == [ReleaseChange(.changed, "seal.json")])
        #expect(try seal.changes(of: try digest("b")) == [ReleaseChange(.missing, "")])
    }
}

extension Scratch {
    fileprivate func touch(_ tree: String, _ name: String, _ text: String) throws {
        let file = tree + "/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
    }
}
