extension FleetParser {
    func soak(_ node: SourceNode) -> SoakSpec? {
        let known = ["errorRate", "latencyFactor", "latencyFloor", "memoryGrowth", "restarts", "minimumCalls"]
        guard let section = reader.section(node, known: known) else { return nil }
        var soak = SoakSpec()
        if let rate = section["errorRate"].flatMap(share) { soak.errorRate = rate }
        if let factor = section["latencyFactor"].flatMap({ reader.number($0, in: 1.1...100) }) {
            soak.latencyFactor = factor
        }
        set(&soak.latencyFloor, section["latencyFloor"], 0.001...600)
        if let growth = section["memoryGrowth"].flatMap(growth) { soak.memoryGrowth = growth }
        set(&soak.restarts, section["restarts"], 0...100)
        set(&soak.minimumCalls, section["minimumCalls"], 10...100_000)
        return soak
    }

    func share(_ node: SourceNode) -> Double? {
        guard let text = reader.rawText(node, example: "1%") else { return nil }
        guard text.wholeMatch(of: #/([1-9][0-9]?|100|[0-9]{1,2}\.[0-9])%/#) != nil, let number = Double(text.dropLast())
        else {
            reader.report(node, "\(text.quoted) is no share", "write one with at most one decimal, such as 1% or 0.5%")
            return nil
        }
        guard number >= 0.1 else {
            reader.report(node, "must be 0.1%...100%", "raise it")
            return nil
        }
        return number / 100
    }

    private func growth(_ node: SourceNode) -> Int? {
        let range = 64_000...1_000_000_000
        guard let text = reader.rawText(node, example: "1MB"),
            let bytes = reader.attempt(node, { () throws(Problem) in try ByteSize.parse(text) })
        else { return nil }
        guard range.contains(bytes) else {
            reader.report(node, "must be 64kB...1GB", bytes > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return bytes
    }
}
