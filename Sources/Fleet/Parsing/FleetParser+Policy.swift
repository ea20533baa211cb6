extension FleetParser {
    func ports(_ node: SourceNode) -> PortsSpec? {
        guard let section = reader.section(node, known: ["first", "last"], required: ["first", "last"]) else {
            return nil
        }
        let range = 1024...65535
        guard let first = section["first"].flatMap({ reader.integer($0, in: range) }),
            let lastNode = section["last"], let last = reader.integer(lastNode, in: range)
        else { return nil }
        guard first <= last else {
            reader.report(lastNode, "is below first (\(first))", "swap them")
            return nil
        }
        return PortsSpec(first: first, last: last)
    }

    func health(_ node: SourceNode, profile: Profile?) -> HealthSpec? {
        let known = [
            "interval", "timeout", "unhealthyAfter", "healthyAfter", "startDeadline", "proofInterval", "canary",
        ]
        guard let section = reader.section(node, known: known) else { return nil }
        var health = HealthSpec()
        set(&health.interval, section["interval"], 0.1...300)
        set(&health.timeout, section["timeout"], 0.05...60)
        set(&health.unhealthyAfter, section["unhealthyAfter"], 1...100)
        set(&health.healthyAfter, section["healthyAfter"], 1...100)
        set(&health.startDeadline, section["startDeadline"], 1...1800)
        set(&health.proofInterval, section["proofInterval"], 1...60)
        if let canary = section["canary"] {
            health.canary = CanaryReader(reader: reader, variables: profile.map { .canary(of: $0) }).read(canary)
        }
        return health
    }

    func rollout(_ node: SourceNode) -> RolloutSpec? {
        let known = ["strategy", "bake", "drain", "deadline", "progress", "soak", "rolling", "canary"]
        guard let section = reader.section(node, known: known) else { return nil }
        var rollout = RolloutSpec()
        strategy(section, into: &rollout)
        set(&rollout.bake, section["bake"], 0...86400)
        set(&rollout.drain, section["drain"], 0...86400)
        set(&rollout.deadline, section["deadline"], 1...86400)
        rollout.progress = section["progress"].flatMap { reader.duration($0, in: 1...86400) }
        rollout.soak = section["soak"].flatMap(soak)
        return rollout
    }

    func logs(_ node: SourceNode) -> LogsSpec? {
        guard let section = reader.section(node, known: ["rotateAt", "keep"]) else { return nil }
        var logs = LogsSpec()
        if let size = section["rotateAt"], let text = reader.rawText(size, example: "10MB"),
            let bytes = reader.attempt(size, { () throws(Problem) in try ByteSize.parse(text) })
        {
            if (64_000...10_000_000_000).contains(bytes) {
                logs.rotateAt = bytes
            } else {
                reader.report(size, "must be 64kB...10GB", bytes < 64_000 ? "raise it" : "lower it")
            }
        }
        set(&logs.keep, section["keep"], 0...100)
        return logs
    }

    func set(_ value: inout Seconds, _ node: SourceNode?, _ range: ClosedRange<Seconds>) {
        if let node, let duration = reader.duration(node, in: range) { value = duration }
    }

    func set(_ value: inout Int, _ node: SourceNode?, _ range: ClosedRange<Int>) {
        if let node, let number = reader.integer(node, in: range) { value = number }
    }
}
