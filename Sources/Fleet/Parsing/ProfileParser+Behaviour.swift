extension ProfileParser {
    func http(_ node: SourceNode) -> Profile.HTTP? {
        let known = ["path", "liveness", "livenessOnMonitoringPort", "host", "sessions"]
        guard let section = reader.section(node, known: known) else { return nil }
        var http = Profile.HTTP()
        if let path = section["path"].flatMap(urlPath) { http.path = path }
        http.liveness = section["liveness"].flatMap(urlPath)
        if let flag = section["livenessOnMonitoringPort"].flatMap({ reader.bool($0) }) {
            http.livenessOnMonitoringPort = flag
        }
        if let host = section["host"].flatMap({ reader.text($0) }) { http.host = host }
        http.sessions = section["sessions"].flatMap { reader.choice($0, Profile.HTTP.Sessions.self) }
        return http
    }

    private func urlPath(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        guard text.wholeMatch(of: #/(\/[A-Za-z0-9._~-]+)+/#) != nil, text.utf8.count <= 200 else {
            reader.report(node, "\(text.quoted) is no path of a URL", "write it as /mcp, without a slash at the end")
            return nil
        }
        return text
    }

    func version(_ node: SourceNode) -> Profile.Version? {
        guard let section = reader.section(node, known: ["source", "prefix"], required: ["source"]) else { return nil }
        let prefix = section["prefix"].map { reader.text($0) } ?? ""
        guard let source = section["source"].flatMap({ reader.choice($0, Profile.Version.Source.self) }), let prefix
        else { return nil }
        return Profile.Version(source: source, prefix: prefix)
    }

    func stop(_ node: SourceNode) -> Profile.Stop? {
        let known = ["signal", "deadline", "cleanExitCodes", "dyingBySignalIsClean"]
        guard let section = reader.section(node, known: known) else { return nil }
        var stop = Profile.Stop()
        if let signal = section["signal"], let text = reader.text(signal) {
            if ["TERM", "INT", "QUIT"].contains(text) {
                stop.signal = text
            } else {
                reader.report(signal, "\(text.quoted) is no signal to stop with", "write TERM, INT or QUIT")
            }
        }
        if let deadline = section["deadline"].flatMap({ reader.duration($0, in: 0.1...600) }) {
            stop.deadline = deadline
        }
        if let codes = section["cleanExitCodes"].flatMap({ reader.list($0) }) {
            stop.cleanExitCodes = codes.compactMap { reader.integer($0, in: 0...255) }
        }
        if let flag = section["dyingBySignalIsClean"].flatMap({ reader.bool($0) }) { stop.dyingBySignalIsClean = flag }
        return stop
    }

    func dryRun(_ node: SourceNode) -> Profile.DryRun? {
        guard let section = reader.section(node, known: ["arguments", "deadline"], required: ["arguments"]),
            let list = section["arguments"], let arguments = reader.texts(list)
        else { return nil }
        if arguments.isEmpty { reader.report(list, "is empty", "write what makes the server only look, as --dry-run") }
        var dryRun = Profile.DryRun(arguments: arguments)
        if let deadline = section["deadline"].flatMap({ reader.duration($0, in: 0.1...600) }) {
            dryRun.deadline = deadline
        }
        return dryRun
    }

    func settings(_ node: SourceNode) -> [String: Profile.Setting]? {
        guard let entries = reader.entries(node) else { return nil }
        var settings: [String: Profile.Setting] = [:]
        for entry in entries {
            if entry.key.wholeMatch(of: #/[a-z][A-Za-z0-9]{0,40}/#) == nil {
                reader.report(
                    entry.location, entry.value.path,
                    Problem("\(entry.key.quoted) can't name a setting", "use letters and digits, such as maxTimeMs"))
            }
            if let setting = setting(entry.value) { settings[entry.key] = setting }
        }
        return settings
    }

    private func setting(_ node: SourceNode) -> Profile.Setting? {
        let known = ["type", "environment", "minimum", "maximum", "allowed", "default", "since", "until"]
        guard let section = reader.section(node, known: known, required: ["type"]),
            let type = section["type"].flatMap({ reader.choice($0, Profile.Setting.Kind.self) })
        else { return nil }
        var setting = Profile.Setting(type: type, environment: "")
        if let name = section["environment"], let text = reader.text(name) {
            setting.environment = text
            if text.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]*/#) == nil {
                reader.report(name, "\(text.quoted) can't name an environment variable", "use letters, digits and _")
            }
        }
        for key in ["minimum", "maximum"] where type != .integer {
            if let bound = section[key] { reader.report(bound, "is for integers only", "remove it") }
        }
        let whole = Int(Int32.min)...Int.max
        setting.minimum = section["minimum"].flatMap { reader.integer($0, in: whole) }
        setting.maximum = section["maximum"].flatMap { reader.integer($0, in: whole) }
        if let minimum = setting.minimum, let maximum = setting.maximum, minimum > maximum,
            let node = section["maximum"]
        {
            reader.report(node, "is below the minimum \(minimum)", "swap them")
        }
        if let allowed = section["allowed"] {
            if type != .string { reader.report(allowed, "is for strings only", "remove it") }
            setting.allowed = reader.texts(allowed)
        }
        if let node = section["default"], let value = reader.json(node) {
            setting.default = value
            _ = reader.attempt(node) { () throws(Problem) in try setting.check(value) }
        }
        setting.since = section["since"].flatMap { version($0) }
        setting.until = section["until"].flatMap { version($0) }
        return setting
    }

    private func version(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        if text.wholeMatch(of: #/[0-9]+(\.[0-9]+){2,5}/#) == nil {
            reader.report(node, "\(text.quoted) is not a version", "write its numbers, such as 3.0.0")
        }
        return text
    }
}
