/// How one kind of server is started, probed, told to be read-only and asked its version. Data from
/// `templates/profiles/*.yaml`; the commented files there are the reference of the format.
///
/// Texts marked *template* may use `{{port}}`, `{{monitoringPort}}`, `{{stateDirectory}}`,
/// `{{exportsDirectory}}`, `{{logDirectory}}`, `{{instance}}`, `{{pool}}`, `{{database}}` (the pool's
/// first) and `{{setting.NAME}}`; a canary may use `{{instance}}`, `{{pool}}` and `{{database}}`. No
/// template may name a secret.
package struct Profile: Sendable, Equatable, Codable {
    package var name: String
    /// Kinds of release it can start.
    package var releases: [ReleaseReference.Kind]
    /// Whether instances need a database user of their own.
    package var needsDatabase: Bool
    package var start: Start
    package var http: HTTP
    package var version: Version
    package var canary: CanarySpec?
    package var stop: Stop
    /// Setting name -> how it is typed and which environment variable carries it.
    package var settings: [String: Setting]
    /// Node and other JITs crash under `MemoryDenyWriteExecute=yes`.
    package var memoryDenyWriteExecute: Bool
    /// How the program is asked whether it would take its settings; nil: it can't be.
    package var dryRun: DryRun?

    package struct DryRun: Sendable, Equatable, Codable {
        /// After those of `start`; no templates.
        package var arguments: [String]
        /// How long it may take before it counts as a refusal.
        package var deadline: Seconds

        package init(arguments: [String], deadline: Seconds = 20) {
            self.arguments = arguments
            self.deadline = deadline
        }
    }

    package struct Start: Sendable, Equatable, Codable {
        /// Console script of a PyPI release, bin of an npm package, or path inside a `path:` release.
        package var command: String
        /// Templates.
        package var arguments: [String]
        /// Name -> template. Never secrets: they come by `secrets`.
        package var environment: [String: String]
        /// Environment name -> which secret it carries.
        package var secrets: [String: SecretKind]
        /// Extra environment for a read-only server: switches and tools to turn off. Name -> template.
        package var readOnly: [String: String]
        /// Whether the server needs a second port for monitoring.
        package var monitoringPort: Bool

        package init(
            command: String, arguments: [String] = [], environment: [String: String] = [:],
            secrets: [String: SecretKind] = [:], readOnly: [String: String] = [:], monitoringPort: Bool = false
        ) {
            self.command = command
            self.arguments = arguments
            self.environment = environment
            self.secrets = secrets
            self.readOnly = readOnly
            self.monitoringPort = monitoringPort
        }
    }

    package enum SecretKind: String, Sendable, Equatable, Codable, CaseIterable {
        /// The instance user's connection string.
        case databaseURI = "database-uri"
        /// A JSON object of the headers that the server insists on: `{"x-convoy-secret": "..."}`.
        case headerSecret = "header-secret"
    }

    package struct HTTP: Sendable, Equatable, Codable {
        /// Path of the MCP endpoint.
        package var path: String
        /// Path that tells that the process lives; nothing more is believed of it.
        package var liveness: String?
        /// Whether `liveness` is on the monitoring port.
        package var livenessOnMonitoringPort: Bool
        /// Value of the `Host` header the server insists on. Template.
        package var host: String
        /// Who makes the ids of legacy sessions; absent: the server.
        package var sessions: Sessions?

        package enum Sessions: String, Sendable, Equatable, Codable, CaseIterable {
            /// The server makes them, and knows only its own.
            case server
            /// The server takes them from the edge, and makes up for a session that another instance had.
            case external
        }

        package init(
            path: String = "/mcp", liveness: String? = nil, livenessOnMonitoringPort: Bool = false,
            host: String = "127.0.0.1:{{port}}", sessions: Sessions? = nil
        ) {
            self.path = path
            self.liveness = liveness
            self.livenessOnMonitoringPort = livenessOnMonitoringPort
            self.host = host
            self.sessions = sessions
        }
    }

    package struct Version: Sendable, Equatable, Codable {
        package enum Source: String, Sendable, Equatable, Codable, CaseIterable {
            /// Only the release's bytes tell; the server's announcement is not its package version.
            case release
            /// `serverInfo.version` is truthful.
            case server
        }

        package var source: Source
        /// What the announcement puts before the version, such as `v`.
        package var prefix: String

        package init(source: Source = .release, prefix: String = "") {
            self.source = source
            self.prefix = prefix
        }
    }

    package struct Stop: Sendable, Equatable, Codable {
        /// `TERM`, `INT` or `QUIT`.
        package var signal: String
        /// From the signal to KILL of the whole group.
        package var deadline: Seconds
        /// Exit codes that mean a clean stop.
        package var cleanExitCodes: [Int]
        /// Whether death by `signal` itself is a clean stop.
        package var dyingBySignalIsClean: Bool

        package init(
            signal: String = "TERM", deadline: Seconds = 10, cleanExitCodes: [Int] = [0],
            dyingBySignalIsClean: Bool = true
        ) {
            self.signal = signal
            self.deadline = deadline
            self.cleanExitCodes = cleanExitCodes
            self.dyingBySignalIsClean = dyingBySignalIsClean
        }
    }

    package struct Setting: Sendable, Equatable, Codable {
        package enum Kind: String, Sendable, Equatable, Codable, CaseIterable { case integer, boolean, string }

        package var type: Kind
        /// Empty when only templates use the setting.
        package var environment: String
        package var minimum: Int?
        package var maximum: Int?
        package var allowed: [String]?
        package var `default`: JSONValue?
        /// The first version that knows it; nil: all of them.
        package var since: String?
        /// The first version that does not know it any more; nil: none.
        package var until: String?

        package init(
            type: Kind, environment: String, minimum: Int? = nil, maximum: Int? = nil, allowed: [String]? = nil,
            default: JSONValue? = nil
        ) {
            self.type = type
            self.environment = environment
            self.minimum = minimum
            self.maximum = maximum
            self.allowed = allowed
            self.default = `default`
        }
    }

    package init(
        name: String, releases: [ReleaseReference.Kind], needsDatabase: Bool, start: Start, http: HTTP,
        version: Version, canary: CanarySpec?, stop: Stop, settings: [String: Setting],
        memoryDenyWriteExecute: Bool
    ) {
        self.name = name
        self.releases = releases
        self.needsDatabase = needsDatabase
        self.start = start
        self.http = http
        self.version = version
        self.canary = canary
        self.stop = stop
        self.settings = settings
        self.memoryDenyWriteExecute = memoryDenyWriteExecute
    }
}
