import Fleet
import Foundation
import Ports

/// `versions/1`, `versions/2`, ... and `current`, a symbolic link to one of them. The one before the
/// current stays, to look at and to go back to by hand.
struct ConfigurationDirectory: Sendable {
    let path: String
    let owner: ProcessPlan.UserAndGroup?

    var current: String { path + "/current" }
    private var versions: String { path + "/versions" }

    /// One installer at a time, on this machine.
    func lock() async throws -> FileLock {
        try EdgeFile.makeDirectory(versions, mode: 0o755, owner: owner)
        return try await FileLock.acquire(path + "/.lock")
    }

    /// Whether the current version is these files, byte for byte, and no others.
    func holds(_ files: [RenderedFile]) -> Bool {
        guard let version = try? FileManager.default.destinationOfSymbolicLink(atPath: current) else { return false }
        let directory = path + "/" + version
        let there = (FileManager.default.enumerator(atPath: directory)?.allObjects as? [String] ?? [])
            .filter { !EdgeFile.isDirectory("\(directory)/\($0)") }
        guard there.sorted() == files.map(\.path).sorted() else { return false }
        return files.allSatisfy { file in
            EdgeFile.mode("\(directory)/\(file.path)") == file.mode
                && FileManager.default.contents(atPath: "\(directory)/\(file.path)") == Data(file.bytes)
        }
    }

    /// The current version's files; nil when there is none.
    func files() throws -> [RenderedFile]? {
        guard FileManager.default.fileExists(atPath: current) else { return nil }
        let version = try FileManager.default.destinationOfSymbolicLink(atPath: current)
        let directory = path + "/" + version
        let names = FileManager.default.enumerator(atPath: directory)?.allObjects as? [String] ?? []
        return try names.sorted().filter { !EdgeFile.isDirectory("\(directory)/\($0)") }.map { name in
            RenderedFile(
                path: name, binary: [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))),
                mode: EdgeFile.mode("\(directory)/\(name)") ?? 0o600)
        }
    }

    /// Writes and syncs the files into a directory that nothing points at yet; gives its path.
    func stage(_ files: [RenderedFile]) throws -> String {
        let staged = path + "/.staged-" + UUID().uuidString
        do {
            try EdgeFile.makeDirectory(staged, mode: 0o755, owner: owner)
            for file in files {
                guard EdgeFile.isBelow(file.path) else {
                    throw EdgeFile.failed("\"\(file.path)\" is no path below a directory")
                }
                let target = "\(staged)/\(file.path)"
                try EdgeFile.makeDirectory((target as NSString).deletingLastPathComponent, mode: 0o755, owner: owner)
                try EdgeFile.write(target, bytes: file.bytes, mode: file.mode, owner: owner)
            }
        } catch {
            discard(staged)
            throw error
        }
        return staged
    }

    /// Whether the path is one that `stage` gives.
    func isStaged(_ staged: String) -> Bool {
        let (above, name) = ((staged as NSString).deletingLastPathComponent, (staged as NSString).lastPathComponent)
        return above == path && name.hasPrefix(".staged-") && EdgeFile.isDirectory(staged)
    }

    /// Makes the staged version the current one: after a power cut it is all there, or not at all.
    func activate(_ staged: String) throws {
        let numbers = numbers()
        let name = String((numbers.last ?? 0) + 1)
        let before = try? FileManager.default.destinationOfSymbolicLink(atPath: current)
        try EdgeFile.rename(staged, to: "\(versions)/\(name)")
        try EdgeFile.sync(versions)
        let link = path + "/.current-" + UUID().uuidString
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "versions/" + name)
        try EdgeFile.rename(link, to: current)
        try EdgeFile.sync(path)
        for number in numbers where "versions/\(number)" != before { discard("\(versions)/\(number)") }
        if let before { dropOldSecrets("\(path)/\(before)") }
    }

    /// The version before stays to be looked at and gone back to, but not with secrets that are no longer used.
    private func dropOldSecrets(_ before: String) {
        let names = FileManager.default.enumerator(atPath: before)?.allObjects as? [String] ?? []
        for name in names where !EdgeFile.isDirectory("\(before)/\(name)") {
            guard let mode = EdgeFile.mode("\(before)/\(name)"), mode & 0o077 == 0,
                !FileManager.default.contentsEqual(atPath: "\(before)/\(name)", andPath: "\(current)/\(name)")
            else { continue }
            discard("\(before)/\(name)")
        }
    }

    /// Only for what this installer wrote itself.
    func discard(_ directory: String) { try? FileManager.default.removeItem(atPath: directory) }

    private func numbers() -> [Int] {
        (try? FileManager.default.contentsOfDirectory(atPath: versions))?.compactMap { Int($0) }.sorted() ?? []
    }
}
