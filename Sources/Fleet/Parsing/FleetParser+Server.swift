extension FleetParser {
    /// The profile is wanted even where the rest is wrong: other sections are checked against it.
    func server(_ node: SourceNode) -> (ServerSpec?, Profile?) {
        guard
            let section = reader.section(
                node, known: ["profile", "release", "settings", "constraints", "resources"],
                required: ["profile", "release"])
        else { return (nil, nil) }
        let profileName = section["profile"].flatMap { reader.text($0) }
        let profile = section["profile"].flatMap { node in profileName.flatMap { self.profile($0, node) } }
        let release = section["release"].flatMap { self.release($0, profile) }
        let settings = section["settings"].map { self.settings($0, profile) } ?? [:]
        let constraints = section["constraints"].map { self.constraints($0, release) } ?? []
        let resources = section["resources"].flatMap { ResourcesReader(reader: reader).read($0) }
        guard let profileName, let release, let settings, let constraints else { return (nil, profile) }
        return (
            ServerSpec(
                profile: profileName, release: release, settings: settings, constraints: constraints,
                resources: resources), profile
        )
    }

    private func profile(_ name: String, _ node: SourceNode) -> Profile? {
        do {
            if let profile = try lookup(name) { return profile }
            reader.report(
                node, "there is no profile \(name.quoted)",
                "use documentdb, grafana or mongodb, or the path of a profile file such as ./profiles/mine.yaml")
        } catch let error as SpecError {
            reader.report(node, "the profile \(name.quoted) has mistakes of its own", "correct them first")
            reader.adopt(error.diagnostics)
        } catch let failure as Failure {
            reader.report(node, "\(failure.what): \(failure.why)", failure.next)
        } catch {
            reader.report(node, "the profile \(name.quoted) can't be read (\(error))", "check the path")
        }
        return nil
    }

    private func release(_ node: SourceNode, _ profile: Profile?) -> ReleaseReference? {
        guard let text = reader.rawText(node, example: "pypi:documentdb-mcp@0.6.2"),
            let release = reader.attempt(node, { () throws(Problem) in try ReleaseReference(parsing: text) })
        else { return nil }
        if let profile, !profile.releases.contains(release.kind) {
            let kinds = profile.releases.map { "\($0):" }.joined(separator: " or ")
            reader.report(node, "the profile \(profile.name) can't start \(release.kind) releases", "use \(kinds)")
            return nil
        }
        return release
    }

    private func settings(_ node: SourceNode, _ profile: Profile?) -> [String: JSONValue]? {
        guard let entries = reader.entries(node) else { return nil }
        var settings: [String: JSONValue] = [:]
        for entry in entries {
            guard let value = reader.json(entry.value) else { continue }
            settings[entry.key] = value
            guard let profile else { continue }
            if let setting = profile.settings[entry.key] {
                _ = reader.attempt(entry.value) { () throws(Problem) in try setting.check(value) }
            } else {
                reader.report(
                    entry.location, entry.value.path, ProfileSettings.unknown(entry.key, of: profile))
            }
        }
        return settings
    }

    private func constraints(_ node: SourceNode, _ release: ReleaseReference?) -> [String]? {
        guard let items = reader.list(node) else { return nil }
        if let release, release.kind != .pypi {
            reader.report(node, "are for pypi: releases only", "remove them")
        }
        var seen: Set<String> = []
        for item in items {
            guard let text = reader.text(item) else { continue }
            _ = reader.attempt(item) { () throws(Problem) in try Constraint.check(text) }
            let name = text.prefix { $0 != "=" }.lowercased()
            if !seen.insert(name).inserted { reader.report(item, "\(name.quoted) is pinned twice", "keep one") }
        }
        return items.compactMap { if case .scalar(let text, _) = $0.value { text } else { nil } }
    }
}
