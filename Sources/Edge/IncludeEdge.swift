import Fleet
import Foundation
import Glibc
import Ports

/// One file in an nginx that is already there: `includeFile` is a symbolic link to the current version of
/// our configuration. It is checked by itself first, then within that nginx's whole configuration; if that
/// says no, the version before comes back. That nginx is told to reload, never started or stopped.
package struct IncludeEdge: EdgeServer {
    package var isOwnProcess: Bool { false }

    private let directory: ConfigurationDirectory
    private let includeFile: String
    private let mainFile: String
    private let pidFile: String
    private let executable: String?

    /// `configuration`: as in the rendered plan. `includeFile`: what that nginx includes within `http`.
    /// `mainFile`, `pidFile`: that nginx's own.
    package init(
        configuration: String, includeFile: String, mainFile: String = "/etc/nginx/nginx.conf",
        pidFile: String = "/run/nginx.pid", executable: String? = nil
    ) {
        directory = ConfigurationDirectory(path: configuration, owner: nil)
        self.includeFile = includeFile
        self.mainFile = mainFile
        self.pidFile = pidFile
        self.executable = executable
    }

    package func install(_ files: [RenderedFile]) async throws -> Bool {
        let lock = try await directory.lock()
        defer { lock.release() }
        guard !directory.holds(files) || !isLinked else { return false }
        try refuseForeignFile()
        let nginx = NginxCheck(executable: try NginxProgram.found(executable), prefix: nil, runAs: nil)
        let before = try directory.files()
        let staged = try directory.stage(files)
        do {
            try await checkAlone(staged, nginx)
            try directory.activate(staged)
        } catch {
            directory.discard(staged)
            throw error
        }
        do {
            try link()
            try await nginx.check(mainFile)
        } catch {
            try takeBack(before)
            throw error
        }
        try reload()
        return true
    }

    package func process() async throws -> ProcessPlan {
        throw Failure(
            .unavailable, "cannot start the edge's nginx", because: "edge.mode: include: it is not ours to start",
            next: "start it as its owner does, such as `systemctl start nginx`")
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

    private var linkTarget: String { directory.current + "/nginx.conf" }
    private var isLinked: Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: includeFile)) == linkTarget
    }

    /// What stands there and is not ours was written by somebody.
    private func refuseForeignFile() throws {
        guard EdgeFile.mode(includeFile) != nil, !isLinked else { return }
        throw EdgeFile.failed("\(includeFile) is there already, and is not this fleet's")
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
            unlink(includeFile)
            return unlinkCurrent()
        }
        try directory.activate(try directory.stage(before))
    }

    /// So that the next installation is not taken for an old one.
    private func unlinkCurrent() { unlink(directory.current) }

    private func reload() throws {
        let text = (try? String(contentsOfFile: pidFile, encoding: .utf8)) ?? ""
        let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        guard let pid, pid > 1, kill(pid, SIGHUP) == 0 else {
            throw Failure(
                .unavailable, "cannot tell nginx to take the edge's configuration",
                because: pid.map { "no process \($0) of ours to signal (\(pidFile))" } ?? "no process id in \(pidFile)",
                next: "the configuration is in place and checked; start or reload nginx, such as by "
                    + "`systemctl reload-or-restart nginx`")
        }
    }
}
