import Fleet
import Planning

/// Looks at a host, and changes nothing.
package protocol HostSurveyor: Sendable {
    /// The user that looks: whose files the fleet's are, unless it gave them away.
    var user: UInt32 { get }
    /// Nil when nothing is there. A link is not followed; its digest is that of its target's text.
    func file(_ path: String) throws -> FileFact?
    /// Where the program lies that a path names, links followed; nil for a script, whose interpreter runs instead.
    func program(_ path: String) -> String?
    /// Nil when there is no such process, or none that may be looked at.
    func process(_ pid: Int32) -> ProcessFact?
    /// All processes, and all sockets of TCP that listen.
    func table() throws -> ProcessTable
}

/// Compares an installed release with its seal.
package protocol ReleaseSurveyor: Sendable {
    /// Everything that is not as it was sealed; empty when all is.
    func changes(of release: Digest) throws -> [ReleaseChange]
}

/// What is safe to put right on a host.
package protocol HostMender: Sendable {
    /// Never follows a link.
    func restore(_ path: String, mode: UInt16?, owner: UInt32?) throws
    /// Moves it into the directory, under a name that nothing has there yet; returns where to.
    func putAside(_ path: String, into quarantine: String) throws -> String
}

/// What an operator's `convoy drift` asks a host's supervisor.
package protocol DriftControl: Sendable {
    func survey() async throws -> DriftSurvey
    /// Puts right what is safe; says what it did.
    func heal() async throws -> [String]
}

/// What a supervisor needs to look for drift.
package struct DriftPorts: Sendable {
    package var surveyor: any HostSurveyor
    package var releases: any ReleaseSurveyor
    package var mender: any HostMender

    package init(surveyor: any HostSurveyor, releases: any ReleaseSurveyor, mender: any HostMender) {
        self.surveyor = surveyor
        self.releases = releases
        self.mender = mender
    }
}
