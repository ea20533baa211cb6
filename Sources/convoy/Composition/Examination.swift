import Fleet
import Foundation
import Supervision

/// What `convoy doctor` looks at.
struct Examination {
    struct Finding: Codable {
        var what: String
        var ok: Bool
        var found: String
        var next: String
    }

    let workplace: Workplace

    func findings() async -> [Finding] {
        [
            tool(
                "nginx", ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"], "apt-get install nginx-light"),
            tool("python3", ["/usr/bin/python3"], "apt-get install python3 python3-venv"),
            writable(), socketPath(), spec(), admin(), sharedEdge(),
        ].compactMap(\.self)
    }

    private func tool(_ name: String, _ paths: [String], _ next: String) -> Finding {
        let path = paths.first { FileManager.default.isExecutableFile(atPath: $0) }
        return Finding(what: name, ok: path != nil, found: path ?? "missing", next: next)
    }

    private func writable() -> Finding {
        do {
            for path in [workplace.layout.state, workplace.layout.runtime] {
                try PosixFiles().makeDirectory(path, mode: 0o755)
            }
            return Finding(what: "root", ok: true, found: workplace.layout.state, next: "")
        } catch {
            return Finding(
                what: "root", ok: false, found: "\((error as? Failure)?.why ?? "\(error)")",
                next: "choose a --root that you may write, such as ./.convoy")
        }
    }

    private func socketPath() -> Finding {
        let path = workplace.layout.controlSocket
        let ok = path.utf8.count <= ListeningSocket.longestPath
        return Finding(
            what: "socket path", ok: ok, found: "\(path.utf8.count) bytes of \(ListeningSocket.longestPath)",
            next: "choose a shorter --root")
    }

    private func spec() -> Finding {
        do {
            let (spec, _) = try SpecFile(path: workplace.file, workplace: workplace).load()
            return Finding(what: workplace.file, ok: true, found: "valid: fleet \(spec.name)", next: "")
        } catch let error as SpecError {
            return Finding(
                what: workplace.file, ok: false, found: "\(error.diagnostics.count) problem(s)",
                next: "run `convoy validate`")
        } catch {
            let failure = error as? Failure
            return Finding(
                what: workplace.file, ok: false, found: failure?.why ?? "\(error)", next: failure?.next ?? "")
        }
    }

    /// Only where the edge is a file in an nginx that is there already.
    private func sharedEdge() -> Finding? {
        guard let spec = try? workplace.context().spec, spec.edge.mode == .include else { return nil }
        let file = spec.edge.includeFile(of: spec.name)
        let directory = (file as NSString).deletingLastPathComponent
        guard access(directory, W_OK) == 0 else {
            return Finding(
                what: "edge/include", ok: false, found: "\(directory) may not be written",
                next: "run as root, or name a directory that nginx includes and you may write")
        }
        let master = Workplace.sharedEdge(workplace.layout, file).master()
        return Finding(
            what: "edge/include", ok: master != nil,
            found: master.map { "nginx (pid \($0)) runs" } ?? "nginx does not run",
            next: master == nil ? "systemctl start nginx" : "")
    }

    private func admin() -> Finding? {
        guard let context = try? workplace.context(), let path = context.adminFile else { return nil }
        var status = stat()
        guard stat(path, &status) == 0 else {
            return Finding(what: "admin URI", ok: false, found: "missing", next: "write \(path) with mode 0600")
        }
        let ok = status.st_mode & 0o077 == 0
        return Finding(
            what: "admin URI", ok: ok, found: ok ? path : "others may read it", next: "chmod 0600 \(path)")
    }
}
