import Fleet
import Foundation
import Glibc
import Ports

/// One file in an nginx that is already there: `includeFile` is a symbolic link to the current version of
/// our configuration. It is checked by itself first, then within that nginx's whole configuration; if that
/// says no, or that nginx does not take it, the version before comes back. Never started or stopped by us.
package struct IncludeEdge: EdgeServer {
    package var isOwnProcess: Bool { false }

    let directory: ConfigurationDirectory
    let includeFile: String
    let stock: StockNginx
    private let gateSocket: String
    private let executable: String?
    private let delegate: (@Sendable (IncludeDeed) async throws -> Void)?

    /// `configuration` and `gateSocket`: as in the rendered plan. `includeFile`: what that nginx includes within
    /// `http`; its `nginx.conf` is the nearest one above it, else Debian's. `delegate`: whoever has rights upon
    /// that nginx, where this process has none; it does what `perform` does.
    package init(
        configuration: String, includeFile: String, gateSocket: String, executable: String? = nil,
        delegate: (@Sendable (IncludeDeed) async throws -> Void)? = nil
    ) {
        directory = ConfigurationDirectory(path: configuration, owner: nil)
        self.includeFile = includeFile
        self.gateSocket = gateSocket
        stock = StockNginx(including: includeFile)
        self.executable = executable
        self.delegate = delegate
    }

    package func install(_ files: [RenderedFile]) async throws -> Bool {
        let lock = try await directory.lock()
        defer { lock.release() }
        guard !directory.holds(files) || !isLinked || !isTaken else { return false }
        try refuseForeignFile()
        try refuseBarrier(try running())
        let staged = try directory.stage(files)
        do {
            try await carryOut(.put(staged: staged))
        } catch {
            directory.discard(staged)
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
        try await carryOut(.takeAway)
    }

    private func carryOut(_ deed: IncludeDeed) async throws {
        guard let delegate else { return try await perform(deed) }
        try await delegate(deed)
    }

    package func master() -> Int32? { RunningNginx(pidFile: stock.pidFile)?.pid }

    package func workers() throws -> ProcessPlan.UserAndGroup? {
        guard getuid() == 0 else { return nil }
        guard let worker = try running().worker else { throw notRunning() }
        return ProcessPlan.UserAndGroup(user: worker.user, group: worker.group)
    }

    func running() throws -> RunningNginx {
        guard let nginx = RunningNginx(pidFile: stock.pidFile) else { throw notRunning() }
        return nginx
    }

    private func notRunning() -> Failure {
        Failure(
            .unavailable, "cannot give nginx the edge's configuration",
            because: "the nginx of \(stock.mainFile) does not run (\(stock.pidFile))",
            next: "start it as its owner does, such as `systemctl start nginx`, then run again")
    }

    func check() throws -> NginxCheck {
        NginxCheck(executable: try NginxProgram.found(executable), prefix: nil, runAs: nil)
    }

    var isLinked: Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: includeFile)) == linkTarget
    }

    var linkTarget: String { directory.current + "/nginx.conf" }

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
}
