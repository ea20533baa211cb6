/// Where everything is, below one root (`--root`, default `/`). Paths are absolute.
package struct FleetLayout: Sendable, Equatable {
    /// Absolute, without a trailing slash; empty for `/`.
    package let root: String

    package init(root: String) { self.root = root == "/" ? "" : (root.hasSuffix("/") ? String(root.dropLast()) : root) }

    package var configuration: String { root + "/etc/convoy" }
    package var state: String { root + "/var/lib/convoy" }
    package var runtime: String { root + "/run/convoy" }

    /// Which `Backend` runs this host; written by `up`.
    package var backend: String { configuration + "/backend" }

    /// The newest lease that this host has heard of; only where it is driven from elsewhere.
    package var fence: String { state + "/fence" }
    /// Whom this host serves, whatever it runs; absent = everybody.
    package var life: String { state + "/life.json" }
    package var ledger: String { state + "/ledger.db" }
    /// Which database holds the ledger, with its user's password; absent = the file above.
    package var ledgerMark: String { configuration + "/ledger" }
    /// By which user of its own a host of a fleet over several reads the ledger in a database.
    package var ledgerReader: String { configuration + "/ledger-reader" }
    /// Where a convoy before 0.2 kept its ledger.
    package var oldLedger: String { state + "/ledger.json" }
    package var releases: String { state + "/releases" }
    package var generations: String { state + "/generations" }
    package var logs: String { state + "/log" }
    /// What releases were seen to offer to clients: a note that can be made again.
    package var offers: String { state + "/offers" }
    package var issuer: String { state + "/issuer" }
    package var instances: String { state + "/instances" }
    package func instance(_ name: String) -> String { instances + "/" + name }
    /// What systemd hands to the instance: `environment`, encrypted where the host can.
    package func credential(_ name: String) -> String { instance(name) + "/environment.cred" }
    /// Where systemd keeps an instance's own `state`, `exports` and `log`; in `instance(name)` are links to them.
    package func privateInstance(_ name: String) -> String { root + "/var/lib/private/convoy/instances/" + name }
    /// What was put aside instead of deleted.
    package var quarantine: String { state + "/quarantine" }
    package var secrets: String { state + "/secrets" }
    /// The header secret that every instance of a pool demands, of whichever generation.
    package func headerSecret(_ pool: String) -> String { secrets + "/header-" + pool }
    package func log(_ name: String) -> String { logs + "/" + name + ".log" }

    package var supervisorLock: String { runtime + "/supervisor.lock" }
    package var controlSocket: String { runtime + "/control.sock" }
    package var gateSocket: String { runtime + "/gate.sock" }
    /// The gate's own: the table of sessions. Nobody else gets in, so what listens there listens to the gate.
    package var gateRuntime: String { runtime + "/gate" }
    package var refresherSocket: String { gateRuntime + "/refresher.sock" }
    package var processes: String { runtime + "/processes.json" }
    package var edgeRuntime: String { runtime + "/edge" }
    /// What is to be done to an nginx that is not ours, and what became of it.
    package var includeOrder: String { runtime + "/include.json" }
    package var includeAnswer: String { runtime + "/include-answer.json" }

    package var edgeConfiguration: String { configuration + "/edge" }
    package var gatePolicy: String { configuration + "/gate/policy.json" }
    package var firewallRules: String { configuration + "/firewall.nft" }
    package var refresherPlan: String { configuration + "/gate/refresher.json" }
}
