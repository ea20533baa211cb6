import Fleet
import Foundation
import Glibc

/// What is done to an nginx that is not ours. It needs rights upon that nginx's files, which a sandboxed supervisor
/// has not; `convoy-include.service` has them, and nothing else to do.
package enum IncludeDeed: Sendable, Equatable, Codable {
    /// Makes a staged version the current one and has that nginx read it; takes it back when it does not.
    case put(staged: String)
    case takeAway
}

extension IncludeEdge {
    /// Only for the holder of the configuration's lock, and for whom it has asked.
    package func perform(_ deed: IncludeDeed) async throws {
        switch deed {
        case .put(let staged): try await put(staged)
        case .takeAway: try await takeAway()
        }
    }

    private func put(_ staged: String) async throws {
        guard directory.isStaged(staged) else { throw EdgeFile.failed("\(staged) is no staged version") }
        let nginx = try running()
        let check = try self.check()
        // What an nginx of our own once went by is nothing to go back to.
        let before = isLinked ? try directory.files() : nil
        try await checkAlone(staged, check)
        try directory.activate(staged)
        do {
            try link()
            try await check.check(stock.mainFile, includes: includeFile)
            try await nginx.reload()
            try noteTaken()
        } catch {
            try takeBack(before)
            throw error
        }
    }

    private func takeAway() async throws {
        if isLinked {
            unlink(includeFile)
            try EdgeFile.sync((includeFile as NSString).deletingLastPathComponent)
        }
        if let nginx = RunningNginx(pidFile: stock.pidFile) {
            try await check().check(stock.mainFile)
            try await nginx.reload()
        }
        unlinkCurrent()
    }

    /// As the only thing in an otherwise empty nginx: what is wrong then is ours.
    private func checkAlone(_ staged: String, _ nginx: NginxCheck) async throws {
        let place = directory.path + "/.check-" + UUID().uuidString
        defer { directory.discard(place) }
        try EdgeFile.makeDirectory(place, mode: 0o700, owner: nil)
        let own = try String(contentsOfFile: staged + "/nginx.conf", encoding: .utf8)
            .replacingOccurrences(of: directory.current + "/", with: staged + "/")
        try EdgeFile.write(place + "/included.conf", own, mode: 0o600, owner: nil)
        let around = "pid \"\(place)/pid\"; events {}\nhttp { include \"\(place)/included.conf\"; }\n"
        try EdgeFile.write(place + "/nginx.conf", around, mode: 0o600, owner: nil)
        try await nginx.check(place + "/nginx.conf")
    }

    private func link() throws {
        guard !isLinked else { return }
        do {
            try FileManager.default.createSymbolicLink(atPath: includeFile, withDestinationPath: linkTarget)
        } catch {
            throw EdgeFile.failed("cannot make the link \(includeFile): \(error.localizedDescription)")
        }
        try EdgeFile.sync((includeFile as NSString).deletingLastPathComponent)
    }

    private func takeBack(_ before: [RenderedFile]?) throws {
        guard let before else {
            if isLinked { unlink(includeFile) }
            return unlinkCurrent()
        }
        try directory.activate(try directory.stage(before))
        try? noteTaken()
    }

    /// So that the next installation is not taken for an old one.
    private func unlinkCurrent() {
        unlink(directory.current)
        unlink(taken)
    }

    // MARK: Cut between the link and the reload, it looks installed, and nobody goes by it

    private var taken: String { directory.path + "/.taken" }

    private var version: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: directory.current) }

    /// Whether that nginx has read the current version.
    var isTaken: Bool {
        version != nil && (try? FileManager.default.destinationOfSymbolicLink(atPath: taken)) == version
    }

    /// A link, since one is there as a whole or not at all.
    private func noteTaken() throws {
        guard let version else { return }
        let new = taken + "-" + UUID().uuidString
        try FileManager.default.createSymbolicLink(atPath: new, withDestinationPath: version)
        try EdgeFile.rename(new, to: taken)
    }
}
