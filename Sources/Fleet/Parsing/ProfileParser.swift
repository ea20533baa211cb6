/// Reads a profile file; the commented ones in `templates/profiles` are the reference.
struct ProfileParser {
    static let keys = [
        "profile", "releases", "needsDatabase", "start", "http", "version", "canary", "stop", "settings",
        "memoryDenyWriteExecute", "dryRun",
    ]

    let reader: SpecReader

    func parse(_ root: SourceNode) -> Profile? {
        let required = ["profile", "releases", "needsDatabase", "start", "memoryDenyWriteExecute"]
        guard let section = reader.section(root, known: Self.keys, required: required) else { return nil }
        let name = section["profile"].flatMap(name)
        let releases = section["releases"].flatMap(releases)
        let needsDatabase = section["needsDatabase"].flatMap { reader.bool($0) }
        let start = section["start"].flatMap(start)
        let http = section["http"].map(http) ?? Profile.HTTP()
        let version = section["version"].map(version) ?? Profile.Version()
        let stop = section["stop"].map(stop) ?? Profile.Stop()
        let settings = section["settings"].map(settings) ?? [:]
        let dryRun = section["dryRun"].flatMap(dryRun)
        let denies = section["memoryDenyWriteExecute"].flatMap { reader.bool($0) }
        guard let name, let releases, let needsDatabase, let start, let http, let version, let stop, let settings,
            let denies
        else {
            _ = section["canary"].flatMap { CanaryReader(reader: reader, variables: nil).read($0) }
            return nil
        }
        var profile = Profile(
            name: name, releases: releases, needsDatabase: needsDatabase, start: start, http: http, version: version,
            canary: nil, stop: stop, settings: settings, memoryDenyWriteExecute: denies)
        profile.dryRun = dryRun
        let variables = TemplateVariables.canary(of: profile)
        profile.canary = section["canary"].flatMap { CanaryReader(reader: reader, variables: variables).read($0) }
        ProfileRules(reader: reader, profile: profile).check(section)
        return profile
    }

    private func name(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        return reader.attempt(node) { () throws(Problem) in
            try NameRule.check(text, kind: "profile")
            return text
        }
    }

    private func releases(_ node: SourceNode) -> [ReleaseReference.Kind]? {
        guard let items = reader.list(node) else { return nil }
        if items.isEmpty { reader.report(node, "is empty", "write pypi, npm, path or several of them") }
        return items.compactMap { reader.choice($0, ReleaseReference.Kind.self) }
    }

    private func start(_ node: SourceNode) -> Profile.Start? {
        let known = ["command", "arguments", "environment", "secrets", "readOnly", "monitoringPort"]
        guard let section = reader.section(node, known: known, required: ["command"]) else { return nil }
        let command = section["command"].flatMap(command)
        let arguments = section["arguments"].map { reader.texts($0) } ?? []
        let environment = section["environment"].map(environment) ?? [:]
        let secrets = section["secrets"].map(secrets) ?? [:]
        let readOnly = section["readOnly"].map(self.environment) ?? [:]
        let monitoringPort = section["monitoringPort"].map { reader.bool($0) } ?? false
        guard let command, let arguments, let environment, let secrets, let readOnly, let monitoringPort
        else { return nil }
        return Profile.Start(
            command: command, arguments: arguments, environment: environment, secrets: secrets, readOnly: readOnly,
            monitoringPort: monitoringPort)
    }

    private func command(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        return reader.attempt(node) { () throws(Problem) in
            try PathRule.check(text)
            guard !text.hasPrefix("/"), !text.split(separator: "/").contains("..") else {
                throw Problem("\(text.quoted) leaves the release", "name a command or a path inside the release")
            }
            return text
        }
    }

    private func environment(_ node: SourceNode) -> [String: String]? {
        guard let entries = reader.entries(node) else { return nil }
        var environment: [String: String] = [:]
        for entry in entries {
            checkEnvironmentName(entry.key, at: entry)
            if let text = reader.text(entry.value) { environment[entry.key] = text }
        }
        return environment
    }

    private func secrets(_ node: SourceNode) -> [String: Profile.SecretKind]? {
        guard let entries = reader.entries(node) else { return nil }
        var secrets: [String: Profile.SecretKind] = [:]
        for entry in entries {
            checkEnvironmentName(entry.key, at: entry)
            if let kind = reader.choice(entry.value, Profile.SecretKind.self) { secrets[entry.key] = kind }
        }
        return secrets
    }

    private func checkEnvironmentName(_ name: String, at entry: SourceNode.Entry) {
        guard name.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]*/#) == nil else { return }
        reader.report(
            entry.location, entry.value.path,
            Problem("\(name.quoted) can't name an environment variable", "use letters, digits and _"))
    }
}
