/// What a profile's parts demand of each other, once each is right by itself.
struct ProfileRules {
    let reader: SpecReader
    let profile: Profile

    func check(_ root: Section) {
        guard let start = root["start"].flatMap({ children($0) }) else { return }
        checkTemplates(start, root)
        checkNames(root["start"] ?? root.node)
        checkSecrets(root["start"] ?? root.node)
        if profile.http.livenessOnMonitoringPort, !profile.start.monitoringPort, let node = root["http"] {
            reader.report(node, "liveness is on a monitoring port that there is not", "set start/monitoringPort: true")
        }
    }

    private func children(_ node: SourceNode) -> [String: SourceNode]? {
        guard case .map(let entries) = node.value else { return nil }
        return Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    private func checkTemplates(_ start: [String: SourceNode], _ root: Section) {
        let variables = TemplateVariables.start(of: profile)
        for key in ["arguments", "environment", "readOnly"] { start[key].map { check($0, variables) } }
        if let host = root["http"].flatMap({ children($0) })?["host"] {
            check(host, TemplateVariables(names: ["port"]))
        }
    }

    private func check(_ node: SourceNode, _ variables: TemplateVariables) {
        switch node.value {
        case .list(let items): items.forEach { check($0, variables) }
        case .map(let entries): entries.forEach { check($0.value, variables) }
        case .scalar(let text, _):
            _ = reader.attempt(node) { () throws(Problem) in
                try TemplateText.check(text, variables)
                for (name, setting) in profile.settings
                where setting.default == nil && text.contains("{{setting.\(name)}}") {
                    throw Problem("uses the setting \(name), which may have no value", "give the setting a default")
                }
            }
        }
    }

    private func checkNames(_ node: SourceNode) {
        let settings = profile.settings.values.map(\.environment).filter { !$0.isEmpty }
        let all =
            Array(profile.start.environment.keys) + Array(profile.start.readOnly.keys)
            + Array(profile.start.secrets.keys) + settings
        let counts = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
        for name in counts.filter({ $0.value > 1 }).keys.sorted() {
            reader.report(
                node, "the environment variable \(name) is set in two places",
                "keep one of environment, readOnly, secrets and settings")
        }
    }

    private func checkSecrets(_ node: SourceNode) {
        let hasURI = profile.start.secrets.values.contains(.databaseURI)
        if profile.needsDatabase, !hasURI {
            reader.report(
                node, "needsDatabase is true, but no secret carries the connection string",
                "add secrets: {NAME: database-uri}")
        } else if !profile.needsDatabase, hasURI {
            reader.report(
                node, "a secret carries a connection string, but needsDatabase is false", "change one of them")
        }
    }
}
