import Fleet
import Planning
import Ports

/// All that an operator's verbs need of the world.
package struct OperatorPorts: Sendable {
    package var releases: any ReleaseStore
    /// From the admin's connection string.
    package var users: @Sendable (Secret) throws -> any UserDirectory
    /// The connection string of an instance's own user.
    package var instanceURI: @Sendable (_ base: String, _ user: String, _ password: Secret) throws -> Secret
    package var control: any FleetControl
    package var launcher: any SupervisorLauncher
    /// The nginx that is there already, by the file that it includes: `edge.mode: include`.
    package var sharedEdge: @Sendable (_ includeFile: String) -> any EdgeServer
    package var ledger: any Ledger
    package var files: any FileStore
    package var secrets: any SecretSource
    /// Where instances are units, their secrets are credentials; nil on the direct backend.
    package var vault: (any CredentialVault)?
    /// Where instances run on other hosts; nil: on this machine.
    package var hosts: (any HostChores)?
    /// Every host by itself, in the order of fleet.yaml; this machine where it is the only one.
    package var members: [FleetMember] = []
    /// Those of them that all other ports leave out.
    package var aside = AsideHosts()
    /// Has `control` leave them out, too.
    package var setAside: @Sendable (Set<String>) async -> Void = { _ in }
    package var time: any Timepiece
    package var progress: any Progress
    /// True once the operator asked to stop (INT or TERM).
    package var isInterrupted: @Sendable () -> Bool

    package init(
        releases: any ReleaseStore, users: @escaping @Sendable (Secret) throws -> any UserDirectory,
        instanceURI: @escaping @Sendable (String, String, Secret) throws -> Secret,
        control: any FleetControl, launcher: any SupervisorLauncher,
        sharedEdge: @escaping @Sendable (_ includeFile: String) -> any EdgeServer, ledger: any Ledger,
        files: any FileStore, secrets: any SecretSource, vault: (any CredentialVault)? = nil,
        hosts: (any HostChores)? = nil, time: any Timepiece,
        progress: any Progress,
        isInterrupted: @escaping @Sendable () -> Bool
    ) {
        self.releases = releases
        self.users = users
        self.instanceURI = instanceURI
        self.control = control
        self.launcher = launcher
        self.sharedEdge = sharedEdge
        self.ledger = ledger
        self.files = files
        self.secrets = secrets
        self.vault = vault
        self.hosts = hosts
        self.time = time
        self.progress = progress
        self.isInterrupted = isInterrupted
    }
}

/// A fleet as its files describe it.
package struct FleetContext: Sendable {
    package var spec: FleetSpec
    package var profile: Profile
    package var layout: FleetLayout
    /// Of the hosts, where these are others than this machine; nil: the same.
    package var hostLayout: FleetLayout?
    /// The fleet's files are what a bootstrap shipped: a `path:` release is what the lock says, since its directory is
    /// on another machine; what lies at that path here is somebody else's.
    package var isShipped = false
    /// Hosts that the next rollout is to go on without.
    package var skips: Set<String> = []
    /// Path of `fleet.lock`.
    package var lockFile: String
    /// Absolute path of the admin's URI file.
    package var adminFile: String?

    package init(spec: FleetSpec, profile: Profile, layout: FleetLayout, lockFile: String, adminFile: String?) {
        self.spec = spec
        self.profile = profile
        self.layout = layout
        self.lockFile = lockFile
        self.adminFile = adminFile
    }
}
