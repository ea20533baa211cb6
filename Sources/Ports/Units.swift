import Fleet

/// What a host is asked whose processes are units, beside starting them. There is none on the direct backend.
package protocol UnitHost: Sendable {
    /// Puts a unit file in place that no process stands for, and has systemd know it.
    func provide(_ file: RenderedFile) async throws
    /// Retires instances that have a unit but are none of these.
    func sweep(except ids: Set<String>) async
    /// Paths of the drop-ins that an admin made for the process's unit.
    func dropIns(of id: String) async -> [String]
    /// Gives a socket that systemd listens on to those who alone may connect to it.
    func give(_ socket: String, to owner: ProcessPlan.UserAndGroup) throws
    /// Numeric addresses of a host's name; empty when nobody knows it now.
    func addresses(of host: String) async -> [String]
}

/// Keeps secrets where a unit's credentials come from.
package protocol CredentialVault: Sendable {
    /// Puts `content` at `path`, readable by nobody but the host's systemd; encrypted, where it can.
    func seal(_ content: Secret, named name: String, to path: String) async throws
}
