import Fleet

/// Gives every slot its ports, two per slot (one per colour), and keeps those that were given
/// before: a slot's ports never move while its pool exists, so a flip needs no new nginx
/// configuration.
package struct PortAllocation: Sendable, Equatable {
    package struct Slot: Sendable, Hashable {
        package var pool: String
        package var number: Int

        package init(pool: String, number: Int) {
            self.pool = pool
            self.number = number
        }
    }

    package struct Ports: Sendable, Equatable {
        package var a: Int
        package var b: Int
        /// Monitoring ports follow at a fixed distance, when the profile needs them.
        package var monitoringA: Int?
        package var monitoringB: Int?

        package func port(_ colour: Colour) -> Int { colour == .a ? a : b }
        package func monitoring(_ colour: Colour) -> Int? { colour == .a ? monitoringA : monitoringB }
    }

    package private(set) var ports: [Slot: Ports] = [:]

    /// - Parameters:
    ///   - slots: all slots of the wished generation, in the order of the spec.
    ///   - before: plans whose slots keep their ports.
    ///   - range: where new ports come from.
    package init(slots: [Slot], before: [GenerationPlan], range: PortsSpec, monitoring: Bool) throws {
        let held = Self.held(by: before)
        var taken = Set(held.values.flatMap { [$0.a, $0.b, $0.monitoringA, $0.monitoringB].compactMap(\.self) })
        var free = (range.first...max(range.first, range.last)).makeIterator()
        func next() throws -> Int {
            while let candidate = free.next() {
                if taken.insert(candidate).inserted { return candidate }
            }
            throw Failure(
                .badSpec, "cannot give every instance a port", because: "\(range.first)...\(range.last) is used up",
                next: "widen `ports` in fleet.yaml")
        }
        for slot in slots {
            if let kept = held[slot], (kept.monitoringA != nil) == monitoring {
                ports[slot] = kept
            } else {
                ports[slot] = Ports(
                    a: try next(), b: try next(), monitoringA: monitoring ? try next() : nil,
                    monitoringB: monitoring ? try next() : nil)
            }
        }
    }

    private static func held(by plans: [GenerationPlan]) -> [Slot: Ports] {
        var held: [Slot: Ports] = [:]
        for plan in plans {
            for instance in plan.instances {
                let isA = plan.colour == .a
                held[Slot(pool: instance.pool, number: instance.slot)] = Ports(
                    a: isA ? instance.port : instance.siblingPort, b: isA ? instance.siblingPort : instance.port,
                    monitoringA: isA ? instance.monitoringPort : instance.siblingMonitoringPort,
                    monitoringB: isA ? instance.siblingMonitoringPort : instance.monitoringPort)
            }
        }
        return held
    }
}
