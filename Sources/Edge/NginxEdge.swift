import Fleet
import Foundation
import Ports

/// An nginx of the fleet's own. Configurations are kept as `versions/NUMBER` and one symbolic link,
/// `current`, is switched: nginx, at its start or its reload, sees all of one or all of the other.
package struct NginxEdge: EdgeServer {
    /// Absolute path of nginx; nil = looked for in the usual places and PATH.
    private let executable: String?
    private let directory: ConfigurationDirectory
    /// nginx's prefix and working directory: pid file, temporary bodies. Made when missing.
    private let runtime: String
    /// Where nginx writes before it has read its configuration, and its standard error.
    private let logFile: String
    private let runAs: ProcessPlan.UserAndGroup?

    /// `configuration`, `runtime` and `logFile` are those of the rendered plan. `runAs`: only as root;
    /// the check runs as that user too, since it creates logs and temporary directories.
    package init(
        configuration: String, runtime: String, logFile: String, executable: String? = nil,
        runAs: ProcessPlan.UserAndGroup? = nil
    ) {
        self.directory = ConfigurationDirectory(path: configuration, owner: runAs)
        self.runtime = runtime
        self.logFile = logFile
        self.executable = executable
        self.runAs = runAs
    }

    package func install(_ files: [RenderedFile]) async throws -> Bool {
        try prepare()
        let lock = try await directory.lock()
        defer { lock.release() }
        guard !directory.holds(files) else { return false }
        let staged = try directory.stage(files)
        do {
            try await ask(staged)
            try directory.activate(staged)
        } catch {
            directory.discard(staged)
            throw error
        }
        return true
    }

    package func check(_ files: [RenderedFile]) async throws {
        try prepare()
        let lock = try await directory.lock()
        defer { lock.release() }
        let staged = try directory.stage(files)
        defer { directory.discard(staged) }
        try await ask(staged)
    }

    private func ask(_ staged: String) async throws {
        try await NginxCheck(executable: try NginxProgram.found(executable), prefix: runtime, runAs: runAs)
            .check(staged + "/nginx.conf")
    }

    package func process() async throws -> ProcessPlan {
        try prepare()
        return ProcessPlan(
            id: "edge", executable: try NginxProgram.found(executable),
            arguments: ["-c", directory.current + "/nginx.conf", "-p", runtime, "-e", logFile],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], workingDirectory: runtime, logFile: logFile,
            runAs: runAs)
    }

    /// The workers of a master that is root run as somebody else and must get through to their bodies.
    private func prepare() throws {
        for path in [runtime, (logFile as NSString).deletingLastPathComponent] {
            guard !FileManager.default.fileExists(atPath: path) else { continue }
            try EdgeFile.makeDirectory(path, mode: path == runtime ? 0o711 : 0o755, owner: runAs)
        }
    }
}
