import Fleet
import Foundation
import Testing

@testable import Releases

@Suite("How a release will start, told by its lock")
struct LockedStartTests {
    private let digest = Digest(hex: String(repeating: "ab", count: 32))

    @Test(
        "in the same words as where it is installed",
        arguments: [
            ("pypi:documentdb-mcp@1.0.1", "serve", ["serve": ReleaseCard.Start.entryPoint("a:main")]),
            ("pypi:mcp-grafana@2.0.0", "mcp-grafana", ["mcp-grafana": .program(path: "bin/mcp-grafana")]),
            ("path:./server@1.0.0", "server.py", [:]), ("path:./server@1.0.0", "dist/server.js", [:]),
            ("path:./server@1.0.0", "server", [:]),
        ])
    func same(_ text: String, _ command: String, _ commands: [String: ReleaseCard.Start]) throws {
        let digest = try #require(digest)
        let reference = try ReleaseReference(parsing: text)
        let root = FileManager.default.temporaryDirectory.appending(path: "convoy-starts-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let file = root.appending(path: "\(digest.hex)/tree/\(command)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try "#!/bin/sh\n".write(to: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        // A node of the host's, where Debian has it.
        let bin = root.appending(path: "bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        let node = bin.appending(path: "node")
        try FileManager.default.copyItem(at: file, to: node)
        let card = ReleaseCard(reference: reference, digest: digest, platform: "", commands: commands)
        var told = try ReleaseStarts(python: "/usr/bin/python3", searchPath: bin.path)
            .command(command, card: card, release: root.path + "/" + digest.hex)
        if told.executable == node.path { told.executable = "/usr/bin/node" }
        let locked = LockedRelease(
            reference: reference, constraints: [], platform: "", packages: [], digest: digest,
            programs: reference.kind == .path ? nil : card.programs)
        let start = LockedStart(releases: root.path)
        #expect(try start.command(command, of: locked) == told)
        #expect(start.installed(locked).tree == "\(root.path)/\(digest.hex)/tree")
    }

    @Test("on other hosts, node is where Debian has it, whatever this machine has")
    func elsewhere() throws {
        let scratch = try Scratch()
        try scratch.write("r/tree/server.js", "")
        let card = ReleaseCard(
            reference: try ReleaseReference(parsing: "path:./server@1.0.0"), digest: try #require(digest), platform: "",
            commands: [:])
        let starts = ReleaseStarts(python: DebianPrograms.python, searchPath: nil)
        let command = try starts.command("server.js", card: card, release: scratch.path + "/r")
        #expect(command.executable == "/usr/bin/node")
    }

    @Test("a lock that does not say is not guessed at")
    func unknown() throws {
        let locked = LockedRelease(
            reference: try ReleaseReference(parsing: "pypi:mcp-grafana@2.0.0"), constraints: [], platform: "",
            packages: [], digest: try #require(digest))
        #expect(try LockedStart(releases: "/r").command("mcp-grafana", of: locked) == nil)
    }
}
