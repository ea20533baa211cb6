import Fleet

/// One host of a fleet, as the operator reaches it.
package struct FleetMember: Sendable {
    package var name: String
    package var control: any FleetControl

    package init(name: String, control: any FleetControl) {
        self.name = name
        self.control = control
    }
}

/// What an operator has done on the hosts of a fleet beside what their supervisors do. Every call is idempotent.
package protocol HostChores: Sendable {
    /// Has every host's supervisor run; true when one had to be started.
    func wake() async throws -> Bool
    /// Puts the release of this machine's store on every host, and has every byte of it checked there.
    func bring(_ release: Digest) async throws
    /// Why a host can't take the next generation, with its name; nil = all can. Nothing is changed.
    func fault(_ next: GenerationPlan) async throws -> String?
    /// Writes what the instances need to start.
    ///
    /// - Parameter passwords: of their database users, by the instance's name.
    func keep(_ passwords: [String: Secret], of plan: GenerationPlan) async throws
    /// Takes away what was written for any other instance. Hosts that do not answer keep it until the next time.
    func sweep(keeping instances: Set<String>) async throws
    /// Stops all that a host runs of the fleet, and takes everything of it away there; Convoy's package stays.
    func forget(_ host: String) async throws
}
