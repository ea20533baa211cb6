import Fleet
import Foundation
import Glibc
import Ports

/// One file in an nginx that is already there: `includeFile` is a symbolic link to the current version of
/// our configuration. It is checked by itself first, then within that nginx's whole configuration; if that
/// says no, or that nginx does not take it, the version before comes back. Never started or stopped by us.
package struct IncludeEdge: EdgeServer {
    package var isOwnProcess: Bool { false }

    private let directory: ConfigurationDirectory
    private let includeFile: String
    private let gateSocket: String
    private let stock: StockNginx
    private let executable: String?

    /// `configuration` and `gateSocket`: as in the rendered plan. `includeFile`: what that nginx includes within
    /// `http`; its `nginx.conf` is the nearest one above it, else Debian's.
    package init(configuration: String, includeFile: String, gateSocket: String, executable: String? = nil) {
        directory = ConfigurationDirectory(path: configuration, owner: nil)
        self.includeFile = includeFile
        self.gateSocket = gateSocket
        stock = StockNginx(including: includeFile)
        self.executable = executable
    }

    package func install(_ files: [RenderedFile]) async throws -> Bool {
        let lock = try await directory.lock()
        defer { lock.release() }
        guard !directory.holds(files) || !isLinked else { return false }
        try refuseForeignFile()
        let nginx = try running()
        try refuseBarrier(nginx)
        let check = try self.check()
        // What an nginx of our own once went by is nothing to go back to.
        let before = isLinked ? try directory.files() : nil
        let staged = try directory.stage(files)
        do {
            try await checkAlone(staged, check)
            try directory.activate(staged)
        } catch {
            directory.discard(staged)
            throw error
        }
        do {
            try link()
            try await check.check(stock.mainFile, includes: includeFile)
            try await nginx.reload()
        } catch {
            try takeBack(before)
            throw error
        }
        return true
    }

    package func process() async throws -> ProcessPlan {
        throw Failure(
            .unavailable, "cannot start the edge's nginx", because: "edge.mode: include: it is not ours to start",
            next: "start it as its owner does, such as `systemctl start nginx`")
    }

    /// What tells whether it has let go is our own `current`: it goes last.
    package func remove() async throws {
        let lock = try await directory.lock()
        defer { lock.release() }
        guard isLinked || EdgeFile.mode(directory.current) != nil else { return }
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

    package func master() -> Int32? { RunningNginx(pidFile: stock.pidFile)?.pid }

    package func workers() throws -> ProcessPlan.UserAndGroup? {
        guard getuid() == 0 else { return nil }
        guard let worker = try running().worker else { throw notRunning() }
        return ProcessPlan.UserAndGroup(user: worker.user, group: worker.group)
    }

    private func running() throws -> RunningNginx {
        guard let nginx = RunningNginx(pidFile: stock.pidFile) else { throw notRunning() }
        return nginx
    }

    private func notRunning() -> Failure {
        Failure(
            .unavailable, "cannot give nginx the edge's configuration",
            because: "the nginx of \(stock.mainFile) does not run (\(stock.pidFile))",
            next: "start it as its owner does, such as `systemctl start nginx`, then run again")
    }

    private func check() throws -> NginxCheck {
        NginxCheck(executable: try NginxProgram.found(executable), prefix: nil, runAs: nil)
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
}

// MARK: The link

extension IncludeEdge {
    private var linkTarget: String { directory.current + "/nginx.conf" }
    private var isLinked: Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: includeFile)) == linkTarget
    }

    /// What stands there and is not ours was written by somebody.
    private func refuseForeignFile() throws {
        guard EdgeFile.mode(includeFile) != nil, !isLinked else { return }
        throw EdgeFile.failed("\(includeFile) is there already, and is not this fleet's")
    }

    /// Workers that do not get through to the gate answer 503 to everything.
    private func refuseBarrier(_ nginx: RunningNginx) throws {
        guard let worker = nginx.worker, let barrier = worker.barrier(to: gateSocket) else { return }
        throw Failure(
            .failed, "cannot let nginx reach the gate",
            because: "its workers (user \(worker.user)) do not get through \(barrier)",
            next: "choose a --root that they do, such as / , or open the directory to them (chmod o+x)")
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
    }

    /// So that the next installation is not taken for an old one.
    private func unlinkCurrent() { unlink(directory.current) }
}
