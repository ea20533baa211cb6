import Fleet
import Foundation

@testable import Planning

/// A pretended server under load, of which a judge sees what it would see of a true one.
struct SoakSimulation {
    struct Server {
        var errorRate = 0.0
        /// The middle of a log-normal distribution, in seconds.
        var latency = 0.02
        var spread = 0.6
        /// Bytes: what a fresh process has, what a warm one has, and how many seconds it warms up.
        var start = 60e6
        var warm = 120e6
        var warmUp = 4.0
        /// Bytes a second.
        var leak = 0.0
        var restarts = 0
        var probeErrorRate = 0.0
    }

    var before = Server()
    var after = Server()
    /// Calls a second, of the whole pool.
    var rate = 60.0
    var verifies = 10.0
    var bakes = 30.0
    var bounds: SoakSpec?
    var dice: SeededDice

    init(seed: Int) { dice = SeededDice(state: UInt64(seed) &* 7919) }

    struct Outcome {
        var reason: String?
        /// Seconds after the flip.
        var decidedAfter: Double?
        var verdict: SoakJudge.Verdict
    }

    mutating func run() throws -> Outcome {
        let old = try PlanSamples.generation()
        var new = try PlanSamples.generation(2, over: old)
        new.rollout.bake = Seconds(bakes)
        new.rollout.soak = bounds
        var judge = SoakJudge(plan: new, current: old.number)
        var figures = (old.instances + new.instances).map {
            InstanceFigures(name: $0.name, pool: $0.pool, generation: $0.generation)
        }
        var verdict = SoakJudge.Verdict.tooFewCalls
        for step in 0..<Int((verifies + bakes) * 2) {
            let time = Double(step) / 2
            let serves = time >= verifies
            for index in figures.indices {
                let isOld = figures[index].generation == old.number
                live(
                    &figures[index], isOld ? before : after, for: isOld ? time + 3600 : time, time,
                    gets: isOld != serves)
            }
            if serves { figures[figures.count - 1].restarts = after.restarts }
            verdict = judge.observe(figures, serves: serves, at: Seconds(time + 1000))
            if case .worse(let why) = verdict {
                return Outcome(reason: why, decidedAfter: time - verifies, verdict: verdict)
            }
        }
        return Outcome(reason: nil, decidedAfter: nil, verdict: verdict)
    }

    private mutating func live(
        _ figures: inout InstanceFigures, _ server: Server, for age: Double, _ time: Double, gets: Bool
    ) {
        // The leak starts with the process; the memory is looked at once a second.
        if time == time.rounded() {
            let usual = server.warm - (server.warm - server.start) * exp(-age / server.warmUp)
            let noise = Double.random(in: -2e6...2e6, using: &dice)
            figures.memory = InstanceFigures.Memory(
                bytes: Int(usual + server.leak * min(age, time) + noise), at: Seconds(time + 1000))
            figures.probes += 1
            if Double.random(in: 0..<1, using: &dice) < server.probeErrorRate { figures.probeFailures += 1 }
        }
        guard gets else { return }
        let mean = rate / 3 / 2
        for _ in 0..<Int((mean + normal() * mean.squareRoot()).rounded()).clamped {
            figures.requests += 1
            if Double.random(in: 0..<1, using: &dice) < server.errorRate {
                figures.errors += 1
            } else {
                figures.latency.add(Seconds(server.latency * exp(normal() * server.spread)))
            }
        }
    }

    private mutating func normal() -> Double {
        let (first, second) = (Double.random(in: 1e-12..<1, using: &dice), Double.random(in: 0..<1, using: &dice))
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }
}

extension Int {
    fileprivate var clamped: Int { Swift.max(0, self) }
}
