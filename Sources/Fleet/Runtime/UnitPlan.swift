/// All that an instance's systemd unit depends on. Equal plans render equal bytes. No secret is in it.
package struct UnitPlan: Sendable, Equatable, Codable {
    package var fleet: String
    package var pool: String
    /// `InstancePlan.name`.
    package var instance: String
    package var generation: Int
    package var launch: LaunchPlan
    /// The only directory of releases that the instance sees.
    package var release: String
    /// Where its directories are, without the root's `/var/lib/`: systemd makes `state`, `exports` and
    /// `log` in it and gives them to the instance's user.
    package var directory: String
    /// Absent when the server has no secrets.
    package var credential: Credential?
    package var limits: Limits
    package var stop: Profile.Stop
    package var memoryDenyWriteExecute: Bool
    /// Of the generation.
    package var wish: Digest

    /// A file with `NAME=value` strings, separated by NUL.
    package struct Credential: Sendable, Equatable, Codable {
        package var path: String
        /// By `systemd-creds encrypt --name=environment`; else a plain file that only root can read.
        package var isEncrypted: Bool

        package init(path: String, isEncrypted: Bool) {
            self.path = path
            self.isEncrypted = isEncrypted
        }
    }

    package struct Limits: Sendable, Equatable, Codable {
        /// Bytes; nil = the host's.
        package var memory: Int?
        /// Processes and threads.
        package var tasks: Int
        /// Percent of one CPU; nil = no bound.
        package var cpu: Int?

        package init(memory: Int? = nil, tasks: Int = 512, cpu: Int? = nil) {
            self.memory = memory
            self.tasks = tasks
            self.cpu = cpu
        }

        package init(_ resources: ResourcesSpec?) {
            self.init(memory: resources?.memory, cpu: resources?.cpu)
            if let tasks = resources?.tasks { self.tasks = tasks }
        }
    }

    package init(
        fleet: String, pool: String, instance: String, generation: Int, launch: LaunchPlan, release: String,
        directory: String, credential: Credential?, limits: Limits, stop: Profile.Stop,
        memoryDenyWriteExecute: Bool, wish: Digest
    ) {
        self.fleet = fleet
        self.pool = pool
        self.instance = instance
        self.generation = generation
        self.launch = launch
        self.release = release
        self.directory = directory
        self.credential = credential
        self.limits = limits
        self.stop = stop
        self.memoryDenyWriteExecute = memoryDenyWriteExecute
        self.wish = wish
    }

    /// The unit of one instance of a generation. `isEncrypted`: how its credential is kept on this host.
    package init(
        _ instance: InstancePlan, of generation: GenerationPlan, layout: FleetLayout, isEncrypted: Bool
    ) {
        self.init(
            fleet: generation.fleet, pool: instance.pool, instance: instance.name, generation: instance.generation,
            launch: instance.launch, release: layout.releases + "/" + generation.release.digest.hex,
            directory: "convoy/instances/" + instance.name,
            credential: instance.launch.secretsFile.map { _ in
                Credential(path: layout.credential(instance.name), isEncrypted: isEncrypted)
            },
            limits: Limits(generation.origin.spec.resources(of: instance.pool)), stop: instance.stop,
            memoryDenyWriteExecute: generation.origin.profile.memoryDenyWriteExecute,
            wish: generation.wish(of: instance.name))
    }

    /// `convoy-instance-analytics-1-g3.service`. Drop-ins in `convoy-instance-.service.d` are for every
    /// instance, those in `convoy-instance-analytics-.service.d` for a pool's: both outlive generations.
    package static func unitName(_ instance: String) -> String { "convoy-instance-\(instance).service" }
}

/// The slice that holds all instances: what all of them may reach beside this machine itself.
package struct SlicePlan: Sendable, Equatable, Codable {
    package var fleet: String
    /// The database's hosts, and the name servers if those are not local.
    package var addresses: [AddressBlock]
    package var wish: Digest

    package init(fleet: String, addresses: [AddressBlock], wish: Digest) {
        self.fleet = fleet
        self.addresses = addresses
        self.wish = wish
    }
}
