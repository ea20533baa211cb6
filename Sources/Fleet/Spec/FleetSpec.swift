/// A whole `fleet.yaml` as its author wished it: parsed, every default filled in, valid.
///
/// Three families per noun: the wish (`...Spec`, here), the observed (`...Status`), the persisted
/// (`...Plan`, `...Record`).
package struct FleetSpec: Sendable, Equatable, Codable {
    package var name: String
    package var server: ServerSpec
    /// Absent for servers that need no database (their profile says so).
    package var database: DatabaseSpec?
    /// In the order of the file.
    package var pools: [PoolSpec]
    package var hosts: [HostSpec]
    package var edge: EdgeSpec
    package var ports: PortsSpec
    package var health: HealthSpec
    package var rollout: RolloutSpec
    package var logs: LogsSpec
    /// Where the ledger lies; nil = in a file under the fleet's root. Not encoded when nil: it must not change older
    /// wishes.
    package var ledger: LedgerSpec?
    /// Who drives a fleet of one host; nil = that host itself. Not encoded when nil, as above.
    package var operatorSeat: OperatorSeat?

    package init(
        name: String, server: ServerSpec, database: DatabaseSpec?, pools: [PoolSpec], hosts: [HostSpec] = [],
        edge: EdgeSpec, ports: PortsSpec = PortsSpec(), health: HealthSpec = HealthSpec(),
        rollout: RolloutSpec = RolloutSpec(), logs: LogsSpec = LogsSpec(), ledger: LedgerSpec? = nil,
        operatorSeat: OperatorSeat? = nil
    ) {
        self.name = name
        self.server = server
        self.database = database
        self.pools = pools
        self.hosts = hosts
        self.edge = edge
        self.ports = ports
        self.health = health
        self.rollout = rollout
        self.logs = logs
        self.ledger = ledger
        self.operatorSeat = operatorSeat
    }

    /// An operator elsewhere drives the hosts, and keeps the ledger: instances bear their host's name, and every host
    /// has every pool. Several hosts are never driven otherwise; one is where it is said.
    package var spansHosts: Bool { hosts.count > 1 || (operatorSeat == .remote && !hosts.isEmpty) }
}

/// From where hosts are driven.
package enum OperatorSeat: String, Sendable, Equatable, Codable, CaseIterable {
    /// From another machine, over ssh.
    case remote
}

/// A ledger in a MongoDB deployment, for a fleet that operators change from several machines.
package struct LedgerSpec: Sendable, Equatable, Codable {
    /// File with the connection string of the ledger's own user, relative to the fleet file.
    package var file: String

    package init(file: String) { self.file = file }
}

package struct ServerSpec: Sendable, Equatable, Codable {
    /// A built-in profile's name, or a path to a profile file (contains `/` or ends in `.yaml`).
    package var profile: String
    package var release: ReleaseReference
    /// Setting name of the profile -> value; checked against the profile by `ProfileSettings`.
    package var settings: [String: JSONValue]
    /// Exact pins for dependencies, `name==version`, for packages that break with newer ones.
    package var constraints: [String]
    /// Of each instance of every pool that does not say otherwise.
    package var resources: ResourcesSpec?

    package init(
        profile: String, release: ReleaseReference, settings: [String: JSONValue] = [:], constraints: [String] = [],
        resources: ResourcesSpec? = nil
    ) {
        self.profile = profile
        self.release = release
        self.settings = settings
        self.constraints = constraints
        self.resources = resources
    }
}

package struct DatabaseSpec: Sendable, Equatable, Codable {
    /// `mongodb://` or `mongodb+srv://` without credentials.
    package var uri: String
    /// File with the admin's connection string, relative to the fleet file; absent = users are
    /// provided by somebody else.
    package var adminFile: String?
    /// Names of this host's users who may reach a database on this host beside the fleet and the database's own
    /// user; nil leaves it open to every local program. Not encoded when nil: it must not change older wishes.
    package var sharedWith: [String]?

    package init(uri: String, adminFile: String? = nil, sharedWith: [String]? = nil) {
        self.uri = uri
        self.adminFile = adminFile
        self.sharedWith = sharedWith
    }

    /// Its ports on this host; none when `uri` names other hosts.
    package var loopbackPorts: [Int] { (try? MongoURI(parsing: uri))?.loopbackPorts ?? [] }
}

package struct HostSpec: Sendable, Equatable, Codable {
    package var name: String
    package var address: String
    package var ssh: String?

    package init(name: String, address: String, ssh: String? = nil) {
        self.name = name
        self.address = address
        self.ssh = ssh
    }
}

/// TCP ports of instances on 127.0.0.1. Each slot owns two: one per colour (see `Colour`). The default
/// lies below the range that Linux gives to outgoing connections (32768...60999).
package struct PortsSpec: Sendable, Equatable, Codable {
    package var first: Int
    package var last: Int

    package init(first: Int = 21000, last: Int = 21255) {
        self.first = first
        self.last = last
    }
}

package struct LogsSpec: Sendable, Equatable, Codable {
    /// Bytes after which an instance's log is rotated.
    package var rotateAt: Int
    /// How many rotated files are kept.
    package var keep: Int

    package init(rotateAt: Int = 10_000_000, keep: Int = 3) {
        self.rotateAt = rotateAt
        self.keep = keep
    }
}
