import Fleet
import Foundation
import Testing

@testable import Releases

/// A directory of its own, gone when the test is.
final class Scratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/releases-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String, mode: Int = 0o644) throws {
        let file = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }

    func store(
        _ state: String = "state", environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> (store: LocalReleaseStore, seal: TreeReleaseSeal) {
        let seal = TreeReleaseSeal(state: path + "/" + state)
        let store = LocalReleaseStore(
            state: path + "/" + state, directory: path, seal: seal, environment: environment)
        return (store, seal)
    }

    /// A small server of one program, one script and a link.
    func server() throws {
        try write("server/run", "#!/bin/sh\necho $0\n", mode: 0o755)
        try write("server/lib/data.txt", "data")
        try FileManager.default.createSymbolicLink(
            atPath: path + "/server/lib/run", withDestinationPath: "../run")
    }
}

func digest(_ character: Character) throws -> Digest {
    try #require(Digest(hex: String(repeating: character, count: 64)))
}

let server = ReleaseReference(kind: .path, name: "server", version: "")

/// The failure that `body` ends in.
func failure(_ body: () async throws -> Void) async throws -> Failure {
    do { try await body() } catch let failure as Failure { return failure }
    Issue.record("nothing failed")
    throw CancellationError()
}
