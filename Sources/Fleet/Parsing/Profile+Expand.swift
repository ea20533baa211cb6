/// What one instance gives a profile's templates to be filled with.
package struct TemplateValues: Sendable, Equatable {
    package var port: Int
    package var monitoringPort: Int?
    /// Absolute paths.
    package var stateDirectory: String
    package var exportsDirectory: String
    package var logDirectory: String
    package var instance: String
    package var pool: String
    /// The first database of the pool, in the order of the file.
    package var database: String?

    package init(
        port: Int, monitoringPort: Int? = nil, stateDirectory: String, exportsDirectory: String,
        logDirectory: String, instance: String, pool: String, database: String? = nil
    ) {
        self.port = port
        self.monitoringPort = monitoringPort
        self.stateDirectory = stateDirectory
        self.exportsDirectory = exportsDirectory
        self.logDirectory = logDirectory
        self.instance = instance
        self.pool = pool
        self.database = database
    }

    var byName: [String: String] {
        var values = [
            "port": String(port), "stateDirectory": stateDirectory, "exportsDirectory": exportsDirectory,
            "logDirectory": logDirectory, "instance": instance, "pool": pool,
        ]
        values["monitoringPort"] = monitoringPort.map(String.init)
        values["database"] = database
        return values
    }
}

/// A profile filled in for one instance. Holds no secret: those come by environment at exec time.
package struct ExpandedProfile: Sendable, Equatable {
    package var arguments: [String]
    /// The profile's own, its read-only switches and the settings, merged.
    package var environment: [String: String]
    /// Value of the `Host` header.
    package var host: String
    /// The fleet's canary, else the profile's.
    package var canary: CanarySpec?
}

extension Profile {
    /// Fills in every template. Throws a `Problem` only when `values` lacks what the profile needs,
    /// such as a monitoring port, or when the settings do not fit.
    package func expand(
        _ values: TemplateValues, settings: [String: JSONValue], canary override: CanarySpec? = nil
    ) throws(Problem) -> ExpandedProfile {
        let settings = try ProfileSettings(self, settings)
        var byName = values.byName
        for (name, value) in settings.values { byName["setting.\(name)"] = ProfileSettings.text(value) }
        var arguments: [String] = []
        for argument in start.arguments { arguments.append(try TemplateText.expand(argument, byName)) }
        var environment = settings.environment
        for (name, text) in start.environment.merging(start.readOnly, uniquingKeysWith: { _, readOnly in readOnly }) {
            environment[name] = try TemplateText.expand(text, byName)
        }
        return ExpandedProfile(
            arguments: arguments, environment: environment, host: try TemplateText.expand(http.host, byName),
            canary: try (override ?? canary)?.expand(byName))
    }
}

extension CanarySpec {
    func expand(_ values: [String: String]) throws(Problem) -> CanarySpec {
        var canary = self
        canary.arguments = try Self.expand(arguments, values)
        for index in contains.indices { canary.contains[index] = try TemplateText.expand(contains[index], values) }
        for index in excludes.indices { canary.excludes[index] = try TemplateText.expand(excludes[index], values) }
        return canary
    }

    private static func expand(_ value: JSONValue, _ values: [String: String]) throws(Problem) -> JSONValue {
        switch value {
        case .string(let text): return .string(try TemplateText.expand(text, values))
        case .array(let items):
            var expanded: [JSONValue] = []
            for item in items { expanded.append(try expand(item, values)) }
            return .array(expanded)
        case .object(let members):
            var expanded: [String: JSONValue] = [:]
            for (key, member) in members { expanded[key] = try expand(member, values) }
            return .object(expanded)
        case .null, .bool, .integer, .number: return value
        }
    }
}
