import Fleet
import Glibc

/// Users of this host by number: rules are loaded before names can be looked up.
package enum LocalUsers {
    /// Who listens on the ports, and who has the names; sorted. Nil while nobody listens on any of them. Throws a
    /// `Failure` (`badSpec`) for a name that nobody has.
    package static func reaching(_ ports: [Int], named names: [String]) throws -> [UInt32]? {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(ProcFiles.text)
        return try reaching(ports, named: names, in: tables, number: number(of:))
    }

    static func reaching(
        _ ports: [Int], named names: [String], in tables: [String], number: (String) -> UInt32?
    ) throws -> [UInt32]? {
        let owners = tables.flatMap(ListeningRow.rows).filter { ports.contains($0.port) }.map(\.user)
        let named = try names.map { name in
            if let number = number(name) { return number }
            throw Failure(
                .badSpec, "cannot let \(name) through to the database", because: "this host has no such user",
                next: "correct database/sharedWith in fleet.yaml, or make the user")
        }
        return owners.isEmpty ? nil : Set(owners + named).sorted()
    }

    private static func number(of name: String) -> UInt32? {
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 16384)
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.pw_uid
    }
}
