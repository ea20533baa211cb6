import Fleet
import Foundation
import MongoDB
import Planning
import Ports
import Supervision

/// The ledger's own database user, with rights on the ledger's database and on nothing else, and the file that holds
/// its connection string.
struct LedgerUser {
    private static let grants = [DatabaseGrant(database: MongoLeases.database, role: "readWrite")]

    let spec: FleetSpec
    /// Absolute.
    let file: String
    let adminFile: String?

    var name: String { "convoy-ledger-\(spec.name)" }

    /// Makes what is missing, and a new password where the database refuses the one that the file holds. The file
    /// comes first: cut in between, the next run finds a password that the database doesn't know yet.
    func ensure() async throws -> UserChange {
        if let known = try LedgerAddress(path: file).existing() {
            switch await access(known) {
            case .good: return .unchanged
            case .unclear(let failure): throw failure
            case .refused: try checkOwn(known)
            }
        }
        let admin = try adminURI()
        let password = SystemSecrets().secret(bytes: 24)
        let uri = try InstanceURI.make(base: try base(admin), user: name, password: password)
        let folder = (file as NSString).deletingLastPathComponent
        try PosixFiles().makeDirectory(folder, mode: 0o700)
        try PosixFiles().write(file, uri.reveal() + "\n", mode: 0o600)
        return try await MongoUserDirectory(adminURI: admin).ensure(name, password: password, grants: Self.grants)
    }

    private enum Access { case good, refused, unclear(Failure) }

    private func access(_ uri: String) async -> Access {
        do {
            _ = try await MongoBerth(FleetLedger.database(LedgerMark(fleet: spec.name, uri: uri))).standing()
            return .good
        } catch let failure as Failure {
            return failure.code == .unavailable ? .unclear(failure) : .refused
        } catch {
            return .refused
        }
    }

    /// A file that somebody wrote is theirs to correct.
    private func checkOwn(_ uri: String) throws {
        guard !uri.contains("://\(name):") else { return }
        throw Failure(
            .failed, "cannot use the ledger's connection string",
            because: "the database refuses the user that \(file) "
                + "names, and it is not one of Convoy's",
            next: "give that user the role readWrite on \(MongoLeases.database); or move the file away and run this "
                + "again")
    }

    private func adminURI() throws -> Secret {
        guard let adminFile else {
            throw Failure(
                .failed, "cannot make the ledger's user", because: "no administrator is named",
                next: "name a file with one's connection string by --admin; or make the user by hand, with the role "
                    + "readWrite on \(MongoLeases.database), and write its connection string into \(file), mode 0600")
        }
        guard let text = try PosixFiles().readSecret(adminFile) else {
            throw Failure(
                .unavailable, "cannot read the administrator's connection string", because: "\(adminFile) is missing",
                next: "write it there with mode 0600")
        }
        return Secret(text.reveal().trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Where the fleet's database is; else where the administrator's is, without what is the administrator's own.
    func base(_ admin: Secret) throws -> String {
        if let uri = spec.database?.uri { return uri }
        let text = admin.reveal()
        guard let start = text.firstRange(of: "://"), let at = text.prefix(while: { $0 != "?" }).lastIndex(of: "@")
        else {
            return text
        }
        let parts = text[text.index(after: at)...].split(separator: "?", maxSplits: 1)
        let address = parts.first.map { $0.prefix { $0 != "/" } } ?? ""
        let options = (parts.count > 1 ? parts[1] : "").split(separator: "&").filter {
            !$0.lowercased().hasPrefix("auth")
        }
        return "\(text[..<start.upperBound])\(address)/" + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
    }
}
