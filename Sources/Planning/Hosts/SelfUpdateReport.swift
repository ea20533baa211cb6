import Fleet

/// What an update of Convoy did, or would do, on each host. A stable document: `ops/schemas/self-update.schema.json`.
package struct SelfUpdateReport: Sendable, Equatable, Encodable {
    package enum State: String, Sendable, Codable {
        /// To be updated; nothing was changed, as was wished or because another host came to grief.
        case ready
        case unchanged, updated
        /// It has the package again that it had.
        case reverted
        /// Something stands in the way; nothing was changed.
        case refused
        case failed
    }

    package struct Host: Sendable, Equatable, Encodable {
        package var host: String
        package var address: String
        package var state: State
        /// Version that it had at first; empty where it had none.
        package var before: String
        package var faults: [BootstrapReport.Fault]
        package var seconds: Double

        package init(
            host: String, address: String, state: State, before: String, faults: [BootstrapReport.Fault],
            seconds: Double
        ) {
            self.host = host
            self.address = address
            self.state = state
            self.before = before
            self.faults = faults
            self.seconds = (seconds * 1000).rounded() / 1000
        }
    }

    package var version: String
    /// Of the package's file.
    package var digest: Digest
    package var dryRun: Bool
    package var hosts: [Host]

    package init(_ wish: UpdateWish, dryRun: Bool, hosts: [Host]) {
        version = wish.package.version
        digest = wish.package.digest
        self.dryRun = dryRun
        self.hosts = hosts
    }

    package var hasFault: Bool { hosts.contains { !$0.faults.isEmpty } }
    /// Of the worst: a host that could not go back is told before one that did.
    package var exitCode: Int32 {
        let codes = hosts.flatMap(\.faults).map(\.code)
        return (codes.contains(.revertFailed) ? .revertFailed : codes.first ?? .failed).rawValue
    }
    package var isNeeded: Bool { hosts.contains { $0.state == .ready } }
}

extension SelfUpdateReport.Host {
    package init(_ machine: SelfUpdateMachine, host: HostSpec, seconds: Double) {
        let (state, found) = Self.outcome(machine.state)
        self.init(
            host: host.name, address: host.address, state: state, before: machine.versionBefore ?? "",
            faults: found.map(BootstrapReport.Fault.init), seconds: seconds)
    }

    private static func outcome(_ state: SelfUpdateMachine.State) -> (SelfUpdateReport.State, [Failure]) {
        switch state {
        case .examining, .working: (.failed, [])
        case .ready(let isNeeded): (isNeeded ? .ready : .unchanged, [])
        case .updated: (.updated, [])
        case .unchanged: (.unchanged, [])
        case .reverted(let failure): (.reverted, [failure])
        case .refused(let failures): (.refused, failures)
        case .failed(let failure): (.failed, [failure])
        }
    }
}
