import Fleet

/// What a bootstrap did, or would do, on each host. A stable document: `ops/schemas/bootstrap.schema.json`.
package struct BootstrapReport: Sendable, Equatable, Encodable {
    package enum State: String, Sendable, Codable {
        /// Can be bootstrapped; nothing was changed, as was wished or because another host can't.
        case ready
        case unchanged, changed
        /// Something stands in the way; nothing was changed.
        case refused
        case failed
    }

    package struct Change: Sendable, Equatable, Encodable {
        package var kind: String
        package var detail: String
    }

    package struct Fault: Sendable, Equatable, Encodable {
        package var what: String
        package var why: String
        package var next: String
        /// Not shown: what it means for the verb's own exit.
        package var code: Failure.Code

        package init(_ failure: Failure) {
            (what, why, next) = (failure.what, failure.why, failure.next)
            code = failure.code
        }

        private enum CodingKeys: String, CodingKey { case what, why, next }
    }

    /// How long one part of the way took, with what had to be done again.
    package struct Stage: Sendable, Equatable, Encodable {
        /// `examine`, a change's kind, `visit`, or `wait` for a connection that was lost.
        package var stage: String
        package var seconds: Double

        package init(stage: String, seconds: Double) {
            self.stage = stage
            self.seconds = (seconds * 1000).rounded() / 1000
        }
    }

    package struct Host: Sendable, Equatable, Encodable {
        package var host: String
        package var address: String
        package var state: State
        /// What is to change, or was changed.
        package var changes: [Change]
        package var faults: [Fault]
        package var seconds: Double
        /// In the order in which they began.
        package var stages: [Stage]
    }

    package var fleet: String
    package var dryRun: Bool
    package var hosts: [Host]

    package init(fleet: String, dryRun: Bool, hosts: [Host]) {
        self.fleet = fleet
        self.dryRun = dryRun
        self.hosts = hosts
    }

    /// What was done afterwards, host by host.
    package mutating func add(_ later: BootstrapReport) {
        for row in later.hosts {
            guard let index = hosts.firstIndex(where: { $0.host == row.host }) else { continue }
            let known = hosts[index].changes.map(\.kind)
            hosts[index].changes += row.changes.filter { !known.contains($0.kind) }
            hosts[index].faults += row.faults
            hosts[index].seconds += row.seconds
            if row.state != .unchanged { hosts[index].state = row.state }
        }
    }

    package var hasFault: Bool { hosts.contains { !$0.faults.isEmpty } }
    /// Of the first fault.
    package var exitCode: Int32 { (hosts.flatMap(\.faults).first?.code ?? .failed).rawValue }
    package var hasChange: Bool { hosts.contains { !$0.changes.isEmpty } }
}

extension BootstrapReport.Host {
    package init(_ machine: BootstrapMachine, _ wish: BootstrapWish, host: HostSpec, stages: [BootstrapReport.Stage]) {
        var changes = machine.performed
        var faults: [Failure] = []
        switch machine.state {
        case .examining, .working: state = .failed
        case .ready(let wished): (state, changes) = (wished.isEmpty ? .unchanged : .ready, wished)
        case .converged(let done): state = done.isEmpty ? .unchanged : .changed
        case .refused(let failures): (state, faults) = (.refused, failures)
        case .failed(let failure): (state, faults) = (.failed, [failure])
        }
        self.host = host.name
        address = host.address
        self.changes = changes.map { BootstrapReport.Change(kind: $0.name, detail: wish.words(for: $0)) }
        self.faults = faults.map(BootstrapReport.Fault.init)
        seconds = (stages.reduce(0) { $0 + $1.seconds } * 1000).rounded() / 1000
        self.stages = stages
    }
}

extension BootstrapMachine.Action {
    /// Of the report.
    package var stage: String {
        switch self {
        case .gather, .plan: "examine"
        case .perform(let change): change.name
        case .visit: "visit"
        case .wait: "wait"
        }
    }
}

extension BootstrapWish {
    /// For people, on one line.
    package func words(for change: BootstrapChange) -> String {
        switch change {
        case .quietNginx: "mask nginx.service, which Debian's nginx package would start on port 80"
        case .package: "install convoy \(package?.version ?? version)"
        case .credentialKey: "make the host's credential key"
        case .release: "ship \(release.reference) (\(release.digest.short))"
        case .files: "write \(files.count) file(s) into \(BootstrapPlace.folder)"
        case .fleet: "bring the fleet up: \(spec.pools.reduce(0) { $0 + $1.replicas }) instance(s), proved"
        case .firewall: "load firewall rules; they go by themselves unless a new login succeeds"
        }
    }
}
