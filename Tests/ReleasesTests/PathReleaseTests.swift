import Fleet
import Foundation
import Testing

@testable import Releases

@Suite("Releases from a directory")
struct PathReleaseTests {
    @Test("the same files give the same digest in another place, whatever modes the umask left")
    func sameEverywhere() async throws {
        let one = try Scratch()
        let two = try Scratch()
        try one.server()
        try two.server()
        try two.write("server/lib/data.txt", "data", mode: 0o600)
        let first = try await one.store().store.resolve(server, constraints: [])
        let second = try await two.store().store.resolve(server, constraints: [])
        #expect(first.digest == second.digest)
        try two.write("server/lib/data.txt", "date")
        #expect(try await two.store().store.resolve(server, constraints: []).digest != first.digest)
    }

    @Test("it is installed once, listed, started and removed; its version says what it is")
    func life() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let (store, seal) = scratch.store()
        let locked = try await store.resolve(server, constraints: [])
        let release = try await store.install(locked)
        #expect(release.reference.version == "0+" + locked.digest.short)
        #expect(try await store.install(locked) == release)
        #expect(try await store.list().map(\.digest) == [locked.digest])
        try seal.check(locked.digest)
        try await store.verify(locked.digest)
        #expect(try await store.command("run", of: release).executable == release.tree + "/run")
        for (name, why) in [("lib/data.txt", "not executable"), ("nothing", "no such file"), ("../x", "no such file")] {
            #expect(try await failure { _ = try await store.command(name, of: release) }.why.contains(why))
        }
        try await store.remove(locked.digest)
        #expect(try await store.list().isEmpty)
        #expect(throws: Failure.self) { try seal.check(locked.digest) }
    }

    @Test("changed, added, missing and chmodded files are each noticed and named")
    func tampering() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let (store, seal) = scratch.store()
        let locked = try await store.resolve(server, constraints: [])
        let tree = try await store.install(locked).tree
        let data = tree + "/lib/data.txt"
        let tampers: [(String, () throws -> Void)] = [
            ("tree/lib/data.txt changed", { try Data("datA".utf8).write(to: URL(filePath: data)) }),
            ("tree/lib/new was added", { try Data().write(to: URL(filePath: tree + "/lib/new")) }),
            ("tree/lib/data.txt is missing", { try FileManager.default.removeItem(atPath: data) }),
            (
                "tree/run changed",
                {
                    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: tree + "/run")
                }
            ),
            (
                "tree/lib/run",
                {
                    try FileManager.default.removeItem(atPath: tree + "/lib/run")
                    try FileManager.default.createSymbolicLink(
                        atPath: tree + "/lib/run", withDestinationPath: "data.txt")
                }
            ),
            ("seal.json", { try Data("{}".utf8).write(to: URL(filePath: tree + "/../seal.json")) }),
        ]
        for (why, tamper) in tampers {
            try seal.check(locked.digest)
            try tamper()
            #expect(try await failure { try seal.check(locked.digest) }.why.contains(why))
            #expect(try await failure { try await store.verify(locked.digest) }.why.contains(why))
            // Installing again heals it and keeps what was changed.
            _ = try await store.install(locked)
            try await store.verify(locked.digest)
        }
        let aside = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/state/releases/.quarantine")
        #expect(aside.count == tampers.count)
    }

    @Test("a touched file with its old content is no change")
    func touched() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let (store, seal) = scratch.store()
        let locked = try await store.resolve(server, constraints: [])
        let tree = try await store.install(locked).tree
        try Data("data".utf8).write(to: URL(filePath: tree + "/lib/data.txt"))
        try seal.check(locked.digest)
        try seal.check(locked.digest)
    }

    @Test("a directory that changed since it was locked is not installed under the old digest")
    func stale() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let locked = try await scratch.store("one").store.resolve(server, constraints: [])
        try scratch.write("server/lib/data.txt", "other")
        let refusal = try await failure { _ = try await scratch.store("two").store.install(locked) }
        #expect(refusal.why.contains(locked.digest.short))
        #expect(try await scratch.store("two").store.list().isEmpty)
    }

    @Test("links that leave the directory, pipes and missing directories are refused")
    func refusals() async throws {
        let scratch = try Scratch()
        let store = scratch.store().store
        #expect(try await failure { _ = try await store.resolve(server, constraints: []) }.code == .unavailable)
        try scratch.server()
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/server/out", withDestinationPath: "/etc/passwd")
        #expect(try await failure { _ = try await store.resolve(server, constraints: []) }.why.contains("outside"))
        try FileManager.default.removeItem(atPath: scratch.path + "/server/out")
        #expect(mkfifo(scratch.path + "/server/pipe", 0o600) == 0)
        #expect(try await failure { _ = try await store.resolve(server, constraints: []) }.why.contains("pipe"))
    }

    @Test("what a killed install left is swept, and what can't be read as a release is put aside")
    func recovery() async throws {
        let scratch = try Scratch()
        try scratch.server()
        try scratch.write("state/releases/.staging/1-2/tree/half", "half")
        let odd = try digest("c")
        try scratch.write("state/releases/\(odd)/tree/file", "?")
        let store = scratch.store().store
        let locked = try await store.resolve(server, constraints: [])
        let staging = scratch.path + "/state/releases/.staging"
        #expect(try FileManager.default.contentsOfDirectory(atPath: staging).isEmpty)
        #expect(try await store.list().map(\.digest) == [locked.digest])
        #expect(try await failure { try await store.remove(odd) }.why.contains("can't be read"))
        #expect(FileManager.default.fileExists(atPath: scratch.path + "/state/releases/.quarantine/\(odd)-1/tree/file"))
    }

    @Test("two stores that install at once both succeed, and neither replaces the other's")
    func concurrency() async throws {
        let scratch = try Scratch()
        try scratch.server()
        let locked = try await scratch.store("one").store.resolve(server, constraints: [])
        let stores = (0..<4).map { _ in scratch.store("two").store }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores { group.addTask { _ = try await store.install(locked) } }
            try await group.waitForAll()
        }
        try await stores[0].verify(locked.digest)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/two/releases/.quarantine"))
    }

    @Test("npm says where to install instead")
    func npm() async throws {
        let reference = ReleaseReference(kind: .npm, name: "mongodb-mcp-server", version: "3.0.5")
        let store = try Scratch().store().store
        let refusal = try await failure { _ = try await store.resolve(reference, constraints: []) }
        #expect(refusal.code == .unavailable && refusal.next.contains("path:"))
    }
}
