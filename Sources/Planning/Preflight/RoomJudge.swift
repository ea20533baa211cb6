import Fleet

/// Whether a host has room for the next generation beside the current one: what the current one uses, and a
/// tenth more, is what the next one will need.
package struct RoomJudge: Sendable {
    private let next: GenerationPlan
    private let current: GenerationPlan?
    private let instances: [InstanceStatus]
    private let room: RoomFigures
    private static let margin = 1.1
    /// Where nothing is known: for configuration, credentials and the first lines of logs.
    private static let leastBytes = 8_000_000
    private static let leastFiles = 128
    private static let leastDescriptors = 64

    /// - Parameter instances: what runs now, of whichever generation.
    package init(next: GenerationPlan, current: GenerationPlan?, instances: [InstanceStatus], room: RoomFigures) {
        self.next = next
        self.current = current
        self.instances = instances.filter { $0.generation == current?.number }
        self.room = room
    }

    /// Those that refuse come first.
    package func findings() -> [RoomFinding] {
        let all = memory() + disks() + ports() + descriptors()
        return all.filter(\.isRefusal) + all.filter { !$0.isRefusal }
    }

    /// How many run beside the whole current generation at one time.
    private var count: Int { groups.map(\.count).max() ?? 0 }

    /// Those that come together: all of them, or in a rolling update a part, before which as many go.
    private var groups: [[InstancePlan]] {
        guard isRolling else { return [next.instances] }
        let road = RolloutRoad(plan: next, hasCurrent: true, before: current)
        let parts = road.parts.map { part in next.instances.filter { part.coming.contains($0.name) } }
        let inParts = road.begun(through: parts.count)
        return parts + [next.instances.filter { !inParts.contains($0.name) }]
    }

    private var isRolling: Bool { next.rollout.strategy == .rolling && current != nil }

    private var newcomers: String {
        let count = Self.plural(count, "instance")
        return next.number == current?.number ? "\(count) more" : "\(count) of the next generation"
    }

    // MARK: Memory

    private func memory() -> [RoomFinding] {
        guard let available = room.memoryAvailable else { return [] }
        let need = Self.more(largest { measure($0) })
        if need > available {
            return [
                RoomFinding(
                    .memory,
                    "\(newcomers) need about \(Self.size(need)), "
                        + "a tenth more than the current ones use; \(Self.size(available)) are available",
                    next: "free some, or lower `replicas`"
                        + (isRolling ? "" : "; `strategy: rolling` needs it for a part only")
                )
            ]
        }
        let bound = largest { next.origin.spec.resources(of: $0.pool)?.memory }
        guard bound > available else { return [] }
        return [
            RoomFinding(
                .memory,
                "\(Self.plural(count, "instance")) may use \(Self.size(bound)) by `resources`, "
                    + "\(Self.size(available)) are available",
                next: "lower `resources.memory` if they should never get there", isRefusal: false)
        ]
    }

    /// What the hungriest of the groups needs.
    private func largest(_ need: (InstancePlan) -> Int?) -> Int {
        groups.map { $0.compactMap(need).reduce(0, +) }.max() ?? 0
    }

    /// As the largest of its pool, else as the largest of all.
    private func measure(_ instance: InstancePlan) -> Int? {
        func largest(_ some: [InstanceStatus]) -> Int? {
            some.compactMap { status in status.pid.flatMap { room.processes[$0]?.ownBytes } }.max()
        }
        let used = largest(instances.filter { $0.pool == instance.pool }) ?? largest(instances)
        return used.map { min($0, next.origin.spec.resources(of: instance.pool)?.memory ?? $0) }
    }

    // MARK: Disk

    private func disks() -> [RoomFinding] {
        let bytes = max(Self.more(room.usedBytes), Self.leastBytes)
        let files = max(Self.more(room.usedFiles), Self.leastFiles)
        return room.disks.flatMap { disk -> [RoomFinding] in
            var found: [RoomFinding] = []
            if disk.freeBytes < bytes {
                found.append(
                    RoomFinding(
                        .disk, "\(disk.path) has \(Self.size(disk.freeBytes)) left, \(Self.size(bytes)) are needed",
                        next: "free some there; `convoy releases prune` removes what no rollback needs"))
            }
            if let free = disk.freeFiles, free < files {
                found.append(
                    RoomFinding(
                        .files, "\(disk.path) has room for \(free) more files, \(files) are needed",
                        next: "remove some there; `convoy releases prune` removes what no rollback needs"))
            }
            return found
        }
    }

    // MARK: Ports and descriptors

    private func ports() -> [RoomFinding] {
        next.instances.flatMap { instance in
            [instance.port, instance.monitoringPort].compactMap(\.self).compactMap { port in
                room.listeners[port].map {
                    RoomFinding(
                        .ports, "port \(port) of \(instance.name) is taken by \($0)",
                        next: "stop it, or choose other `ports` in fleet.yaml")
                }
            }
        }
    }

    private func descriptors() -> [RoomFinding] {
        let most = instances.compactMap { status in status.pid.flatMap { room.processes[$0]?.openFiles } }.max() ?? 0
        let each = max(Self.more(most), Self.leastDescriptors)
        var found: [RoomFinding] = []
        if let limit = room.descriptorLimit, limit < each {
            found.append(
                RoomFinding(
                    .descriptors, "a process may have \(limit) open files here, an instance needs \(each)",
                    next: "raise it (`ulimit -n`) and start the supervisor again"))
        }
        if let used = room.openFiles, let limit = room.openFilesLimit, limit - used < each * count {
            found.append(
                RoomFinding(
                    .descriptors,
                    "this host has \(max(0, limit - used)) open files left, "
                        + "\(Self.plural(count, "instance")) need \(each * count)",
                    next: "raise it (`sysctl fs.file-max`)"))
        }
        return found
    }

    // MARK: Words

    private static func more(_ bytes: Int) -> Int { Int((Double(bytes) * margin).rounded(.up)) }

    private static func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// In the largest unit that leaves a number of at most four digits.
    static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<10_000: "\(bytes) bytes"
        case ..<10_000_000: "\(bytes / 1000) kB"
        case ..<10_000_000_000: "\(bytes / 1_000_000) MB"
        default: "\(bytes / 1_000_000_000) GB"
        }
    }
}
