/// Reads what an instance may take of its host: `{memory: 512MiB, tasks: 128, cpu: 200%}`. What is wrong is
/// reported, and then missing in the result: a spec with a report is never used.
struct ResourcesReader {
    let reader: SpecReader

    func read(_ node: SourceNode) -> ResourcesSpec? {
        guard let section = reader.section(node, known: ["memory", "tasks", "cpu"]) else { return nil }
        return ResourcesSpec(
            memory: section["memory"].flatMap(memory),
            tasks: section["tasks"].flatMap { reader.integer($0, in: ResourcesSpec.taskRange) },
            cpu: section["cpu"].flatMap(cpu))
    }

    private func memory(_ node: SourceNode) -> Int? {
        let range = ResourcesSpec.memoryRange
        guard let text = reader.rawText(node, example: "512MiB"),
            let bytes = reader.attempt(node, { () throws(Problem) in try ByteSize.parse(text, ofMemory: true) })
        else { return nil }
        guard range.contains(bytes) else {
            reader.report(
                node, "must be \(ByteSize.text(range.lowerBound))...\(ByteSize.text(range.upperBound))",
                bytes > range.upperBound ? "lower it" : "raise it: no server starts with less")
            return nil
        }
        return bytes
    }

    /// The sign is demanded: `cpu: 2` would be two CPUs to some and two hundredths of one to others.
    private func cpu(_ node: SourceNode) -> Int? {
        let range = ResourcesSpec.cpuRange
        guard let text = reader.rawText(node, example: "200%") else { return nil }
        let digits = text.dropLast()
        guard text.last == "%", (1...6).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let percent = Int(digits)
        else {
            reader.report(
                node, "\(text.quoted) is no share of a CPU", "write percent of one CPU, such as 50% or 200% (two CPUs)")
            return nil
        }
        guard range.contains(percent) else {
            reader.report(
                node, "must be \(range.lowerBound)%...\(range.upperBound)%",
                percent > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return percent
    }
}
