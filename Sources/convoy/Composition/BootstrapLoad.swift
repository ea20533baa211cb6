import Fleet
import Foundation
import Operations
import Planning
import Supervision

/// What a bootstrap ships beside the release: `fleet.yaml`, its lock and all that they name by relative paths.
struct BootstrapLoad {
    private static let longest = 4 << 20

    let workplace: Workplace
    /// As it is written: relative paths are still relative.
    let spec: FleetSpec

    func letters() throws -> [BootstrapCargo.Letter] {
        var names: [(String, mode: UInt16)] = [("fleet.lock", 0o644)]
        names += shipped.map { ($0.path, $0.isSecret ? 0o600 : 0o644) }
        let fleet = try letter(URL(filePath: Workplace.absolute(workplace.file)).path, as: "fleet.yaml", mode: 0o644)
        return try [fleet] + names.map { try letter(workplace.beside($0.0), as: $0.0, mode: $0.mode) }
    }

    /// Those that are named by absolute paths: the host's own.
    var ownFiles: [String] { named.map(\.path).filter { $0.hasPrefix("/") }.sorted() }

    private var shipped: [(path: String, isSecret: Bool)] { named.filter { !$0.path.hasPrefix("/") } }

    private var named: [(path: String, isSecret: Bool)] {
        var all: [(path: String, isSecret: Bool)] = []
        let profile = spec.server.profile
        if profile.contains("/") || profile.hasSuffix(".yaml") { all.append((profile, false)) }
        // Over several hosts users are the operator's work.
        if let admin = spec.database?.adminFile, !spec.spansHosts { all.append((admin, true)) }
        if let ledger = spec.ledger?.file { all.append((ledger, true)) }
        if let tls = spec.edge.tls {
            all += [(tls.certificate, false), (tls.key, true)]
            all += [tls.clientCertificates, tls.stapling].compactMap(\.self).map { ($0, false) }
        }
        for issuer in spec.edge.authorization.issuers {
            if case .file(let path) = issuer.keys { all.append((path, false)) }
            if let secret = issuer.introspection?.secretFile { all.append((secret, true)) }
        }
        var seen: Set<String> = []
        return all.filter { seen.insert($0.path).inserted }
    }

    private func letter(_ source: String, as name: String, mode: UInt16) throws -> BootstrapCargo.Letter {
        guard !name.split(separator: "/").contains("..") else {
            throw Failure(
                .badSpec, "cannot ship \(name)", because: "it is not below the directory of fleet.yaml",
                next: "move it there, or name it by the absolute path that it has on the hosts")
        }
        // Refuses what others may read.
        if mode == 0o600 { _ = try checkedSecret(source) }
        guard let handle = FileHandle(forReadingAtPath: source) else {
            throw Failure(
                .unavailable, "cannot ship \(name)", because: "\(source) is missing or may not be read",
                next: "put it there")
        }
        defer { try? handle.close() }
        let bytes = [UInt8](try handle.read(upToCount: Self.longest) ?? Data())
        guard let digest = Digest.of(bytes) else {
            throw Failure(.failed, "cannot ship \(name)", because: "it has no digest", next: "report this bug")
        }
        let tidy = name.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        return BootstrapCargo.Letter(
            path: "\(BootstrapPlace.folder)/\(tidy)", mode: mode, bytes: bytes, digest: digest)
    }

    private func checkedSecret(_ path: String) throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return true }
        throw Failure(
            .failed, "cannot ship the secret in \(path)", because: "others may read it",
            next: "chmod 0600 \(path); if somebody may have read it, change the secret too")
    }
}
