import Fleet
import Templates
import Testing

@Suite("Profiles")
struct ProfileTests {
    private func builtIn(_ name: String) throws -> Profile {
        try Profile.parse(try #require(Templates.profile(name)), file: "\(name).yaml")
    }

    private let values = TemplateValues(
        port: 42000, monitoringPort: 42002, stateDirectory: "/s", exportsDirectory: "/e", logDirectory: "/l",
        instance: "analytics-1-g2", pool: "analytics", database: "shop")

    @Test("every built-in profile is valid and named like its file", arguments: ["documentdb", "grafana", "mongodb"])
    func valid(_ name: String) throws { #expect(try builtIn(name).name == name) }

    @Test("documentdb starts on loopback, without tools for users and raw commands")
    func documentdb() throws {
        let profile = try builtIn("documentdb")
        let expanded = try profile.expand(values, settings: [:])
        #expect(expanded.arguments == ["-t", "streamable-http", "-H", "127.0.0.1", "-p", "42000"])
        #expect(expanded.environment["USERSTOOL"] == "False" && expanded.environment["SYSTEMTOOL"] == "False")
        #expect(expanded.environment["HOME"] == "/s")
        #expect(expanded.host == "127.0.0.1:42000")
        #expect(expanded.canary?.arguments["database_name"] == .string("shop"))
        #expect(profile.start.secrets == ["MONGODB_URI": .databaseURI])
        #expect(profile.needsDatabase && profile.stop.dyingBySignalIsClean && profile.version.source == .release)
    }

    @Test("grafana needs no database, reports no usage and announces its version with a v")
    func grafana() throws {
        let profile = try builtIn("grafana")
        let expanded = try profile.expand(values, settings: ["url": .string("https://grafana.example.com")])
        #expect(!profile.needsDatabase && profile.version == Profile.Version(source: .server, prefix: "v"))
        #expect(expanded.environment["DO_NOT_TRACK"] == "1")
        #expect(expanded.environment["GRAFANA_URL"] == "https://grafana.example.com")
        #expect(expanded.arguments.contains("127.0.0.1:42000") && expanded.arguments.contains("navigation"))
        #expect(expanded.arguments.contains("--disable-write"))
    }

    @Test("mongodb is read-only, monitored on a second port and guarded by a header")
    func mongodb() throws {
        let profile = try builtIn("mongodb")
        let expanded = try profile.expand(values, settings: ["maxTimeMs": .integer(10000)])
        let environment = expanded.environment
        #expect(environment["MDB_MCP_READ_ONLY"] == "true")
        #expect(environment["MDB_MCP_DISABLED_TOOLS"] == "connect,atlas,atlas-local")
        #expect(environment["MDB_MCP_MONITORING_SERVER_PORT"] == "42002")
        #expect(environment["MDB_MCP_EXPORTS_PATH"] == "/e" && environment["MDB_MCP_LOG_PATH"] == "/l")
        #expect(environment["MDB_MCP_MAX_TIME_MS"] == "10000" && environment["MDB_MCP_INDEX_CHECK"] == "false")
        #expect(environment["MDB_MCP_ALLOW_REQUEST_OVERRIDES"] == "false")
        #expect(environment["MDB_MCP_CONNECTION_STRING"] == nil && environment["MDB_MCP_HTTP_HEADERS"] == nil)
        #expect(profile.start.secrets["MDB_MCP_HTTP_HEADERS"] == .headerSecret)
        #expect(
            profile.start.monitoringPort && profile.http.livenessOnMonitoringPort && !profile.memoryDenyWriteExecute)
    }

    @Test("an instance without a monitoring port can't fill in a profile that needs one")
    func missingValue() throws {
        let profile = try builtIn("mongodb")
        var values = values
        values.monitoringPort = nil
        #expect(throws: Problem("there is no value for {{monitoringPort}}", "check the profile")) {
            try profile.expand(values, settings: [:])
        }
    }

    @Test("a fleet's canary takes the place of the profile's, filled in")
    func override() throws {
        let canary = CanarySpec(
            tool: "find", arguments: .object(["a": .array([.string("{{pool}}/{{database}}"), .integer(1)])]),
            contains: ["{{instance}}"])
        let expanded = try builtIn("documentdb").expand(values, settings: [:], canary: canary)
        #expect(expanded.canary?.arguments["a"] == .array([.string("analytics/shop"), .integer(1)]))
        #expect(expanded.canary?.contains == ["analytics-1-g2"])
    }

    @Test("settings that do not fit are refused")
    func settings() throws {
        let profile = try builtIn("mongodb")
        #expect(throws: Problem.self) { try ProfileSettings(profile, ["maxTimeMs": .string("1")]) }
        #expect(throws: Problem.self) { try ProfileSettings(profile, ["maxTimeMs": .integer(0)]) }
        #expect(throws: Problem.self) { try ProfileSettings(profile, ["nothing": .integer(1)]) }
        #expect(try ProfileSettings(profile, [:]).values["responseType"] == .string("sse"))
    }

    @Test("an unknown variable is found when the profile is read, not when an instance starts")
    func unknownVariable() throws {
        let text = try #require(Templates.profile("documentdb")).replacing("{{port}}", with: "{{prot}}")
        let error = #expect(throws: SpecError.self) { try Profile.parse(text, file: "mine.yaml") }
        #expect(error?.description.contains("there is no variable {{prot}} here, did you mean {{port}}?") == true)
    }
}
