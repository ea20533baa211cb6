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
        let ledger = await ledger()
        return [
            tool(
                "nginx", ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"], "apt-get install nginx-light"),
            tool("python3", ["/usr/bin/python3"], "apt-get install python3 python3-venv"),
            writable(), socketPath(), spec(), admin(), sharedEdge(), ledger, mark(),
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

    /// Where it is, whether it answers, and who is at work.
    private func ledger() async -> Finding {
        do {
            let report = try await LedgerReport.of(workplace, changed: false)
            return Finding(
                what: "ledger", ok: true,
                found: "\(report.place.rawValue), \(report.address); at work: \(report.atWork)", next: "")
        } catch {
            let failure = error as? Failure
            return Finding(
                what: "ledger", ok: false, found: failure.map { "\($0.what): \($0.why)" } ?? "\(error)",
                next: failure?.next ?? "see `convoy ledger show`")
        }
    }

    /// What this host's supervisor asks, where that is a database: after a move, or with a new password, it is told
    /// by the next verb that changes something.
    private func mark() -> Finding? {
        guard let spec = try? workplace.context().spec, let ledger = spec.ledger, !spec.spansHosts,
            let uri = try? LedgerAddress(path: workplace.beside(ledger.file)).existing(),
            let mark = try? LedgerMark.read(workplace.layout)
        else { return nil }
        let isNew = mark == LedgerMark(fleet: spec.name, uri: uri)
        return Finding(
            what: "ledger mark", ok: isNew,
            found: isNew ? "as fleet.yaml says" : "not as fleet.yaml says: the supervisor asks elsewhere",
            next: "run `convoy up`, which writes \(workplace.layout.ledgerMark) anew")
    }

    /// Only where the edge is a file in an nginx that is there already.
    private func sharedEdge() -> Finding? {
        guard let spec = try? workplace.context().spec, spec.edge.mode == .include, !spec.spansHosts else { return nil }
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
