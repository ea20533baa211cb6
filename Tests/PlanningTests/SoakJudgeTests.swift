import Fleet
import Testing

@testable import Planning

@Suite("SoakJudge")
struct SoakJudgeTests {
    private func outcome(seed: Int = 1, _ change: (inout SoakSimulation) -> Void) throws -> SoakSimulation.Outcome {
        var simulation = SoakSimulation(seed: seed)
        change(&simulation)
        return try simulation.run()
    }

    @Test("one call in twenty that fails is found, with the figures of both")
    func errors() throws {
        for seed in 1...60 {
            let found = try outcome(seed: seed) { $0.after.errorRate = 0.05 }
            let why = try #require(found.reason, "seed \(seed)")
            #expect(why.contains("calls failed, 0% of "), "\(why)")
            #expect(why.hasSuffix("before (bound 1% more)"), "\(why)")
            #expect(try #require(found.decidedAfter) <= 25, "seed \(seed): \(why)")
        }
    }

    @Test("all calls that fail are found within seconds, however few they are")
    func broken() throws {
        for seed in 1...30 {
            let found = try outcome(seed: seed) {
                $0.after.errorRate = 1
                $0.rate = 4
            }
            #expect(try #require(found.decidedAfter, "seed \(seed)") <= 10)
        }
    }

    @Test("300 ms more are found, with both p95")
    func slow() throws {
        for seed in 1...60 {
            let found = try outcome(seed: seed) {
                $0.after.latency = 0.32
                $0.after.spread = 0.1
            }
            let why = try #require(found.reason, "seed \(seed)")
            #expect(
                why.hasPrefix("p95 of ") && why.contains(" ms, ") && why.contains("before (bound 2x and 50 ms more)"))
            #expect(try #require(found.decidedAfter) <= 8, "seed \(seed): \(why)")
        }
    }

    @Test("a leak of 10 MB/s is found, with what it was and what it is")
    func leak() throws {
        for seed in 1...60 {
            let found = try outcome(seed: seed) { $0.after.leak = 10e6 }
            let why = try #require(found.reason, "seed \(seed)")
            #expect(why.hasPrefix("resident memory of analytics-"), "\(why)")
            #expect(why.contains(" MB/s: ") && why.contains(" MB after start, 12"), "\(why)")
            #expect(try #require(found.decidedAfter) <= 15, "seed \(seed): \(why)")
        }
    }

    @Test("a slow leak is found when it is watched for long")
    func slowLeak() throws {
        let found = try outcome {
            $0.after.leak = 1.5e6
            $0.bakes = 120
        }
        #expect(found.reason?.hasPrefix("resident memory") == true, "\(found)")
    }

    @Test("what only probes see is found, too")
    func probes() throws {
        let found = try outcome { $0.after.probeErrorRate = 0.2 }
        #expect(found.reason?.contains(" probes failed, 0% of ") == true, "\(found)")
    }

    @Test("one restart may be an accident; the second of the same instance is none")
    func restarts() throws {
        #expect(try outcome { $0.after.restarts = 1 }.reason == nil)
        let why = try #require(try outcome { $0.after.restarts = 2 }.reason)
        #expect(why.hasPrefix("analytics-3-g2 started again 2 times in "), "\(why)")
        let strict = try outcome {
            $0.after.restarts = 1
            $0.bounds = SoakSpec(restarts: 0)
        }
        #expect(strict.reason != nil)
    }

    @Test("equals are never taken for worse, whatever noise is on both", arguments: 0..<8)
    func noise(_ block: Int) throws {
        for seed in 0..<50 {
            var dice = SeededDice(state: UInt64(block * 1000 + seed))
            let found = try outcome(seed: block * 1000 + seed) {
                var server = SoakSimulation.Server()
                server.errorRate = [0, 0, 0.002, 0.02].randomElement(using: &dice) ?? 0
                server.latency = Double.random(in: 0.002...0.4, using: &dice)
                server.spread = Double.random(in: 0.05...1.2, using: &dice)
                server.start = Double.random(in: 20e6...100e6, using: &dice)
                server.warm = server.start * Double.random(in: 1...4, using: &dice)
                server.warmUp = Double.random(in: 0.5...15, using: &dice)
                server.probeErrorRate = [0, 0, 0.03].randomElement(using: &dice) ?? 0
                $0.before = server
                $0.after = server
                $0.rate = [0.5, 4, 30, 300].randomElement(using: &dice) ?? 30
            }
            #expect(found.reason == nil, "block \(block), seed \(seed)")
        }
    }

    @Test("a little worse, within the bounds, is let pass")
    func within() throws {
        for seed in 1...40 {
            let found = try outcome(seed: seed) {
                $0.after.errorRate = 0.003
                $0.after.latency = 0.026
                $0.after.warm = 140e6
                $0.after.warmUp = 10
            }
            #expect(found.reason == nil, "seed \(seed)")
        }
    }

    @Test("one hiccup, of a database or a network, is no property of a release")
    func hiccup() throws {
        let plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        var judge = SoakJudge(plan: plan, current: 1)
        var figures = InstanceFigures(name: "analytics-1-g2", pool: "analytics", generation: 2)
        for step in 0..<40 {
            figures.requests += 10
            // 9 of 10 fail within half a second; all is well before and after.
            if step == 10 { figures.errors += 9 }
            let verdict = judge.observe([figures], serves: true, at: Seconds(Double(step) / 2))
            if case .worse(let why) = verdict { Issue.record("step \(step): \(why)") }
        }
    }

    @Test("a few calls are no verdict, and without any nothing is said to be healthy")
    func few() throws {
        #expect(try outcome { $0.rate = 0 }.verdict == .tooFewCalls)
        #expect(try outcome { $0.rate = 0.5 }.verdict == .tooFewCalls)
        #expect(try outcome { $0.rate = 30 }.verdict == .healthy)
    }

    @Test("what happened before the flip is not held against the new generation")
    func beforeFlip() throws {
        let plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        var judge = SoakJudge(plan: plan, current: 1)
        var figures = InstanceFigures(name: "analytics-1-g2", pool: "analytics", generation: 2)
        for step in 0..<60 {
            if step < 20 {
                figures.requests += 50
                figures.errors += 50
                figures.probes += 1
                figures.probeFailures += 1
                figures.restarts += 1
            }
            #expect(judge.observe([figures], serves: step > 20, at: Seconds(Double(step))) == .tooFewCalls)
        }
    }

    @Test("a supervisor that counts anew changes no verdict")
    func reset() throws {
        let plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        var judge = SoakJudge(plan: plan, current: 1)
        var figures = InstanceFigures(name: "analytics-1-g2", pool: "analytics", generation: 2)
        var last = SoakJudge.Verdict.healthy
        for step in 0..<100 {
            if step == 50 { figures = InstanceFigures(name: "analytics-1-g2", pool: "analytics", generation: 2) }
            figures.requests += 10
            figures.errors += step.isMultiple(of: 40) ? 1 : 0
            for _ in 0..<10 { figures.latency.add(0.02) }
            last = judge.observe([figures], serves: true, at: Seconds(Double(step)))
            if case .worse(let why) = last { Issue.record("step \(step): \(why)") }
        }
        #expect(last == .healthy)
    }

    @Test("pools are judged one by one: traffic that moves to the slower one makes nothing worse")
    func pools() throws {
        let plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        var judge = SoakJudge(plan: plan, current: 1)
        func figures(_ generation: Int, _ step: Int, fast: Int, slow: Int) -> [InstanceFigures] {
            [("fast", 0.005, fast), ("slow", 0.9, slow)].map { pool, time, calls in
                var one = InstanceFigures(name: "\(pool)-1-g\(generation)", pool: pool, generation: generation)
                one.requests = calls * step
                one.latency.add(Seconds(time), count: calls * step)
                return one
            }
        }
        for step in 1...20 {
            _ = judge.observe(figures(1, step, fast: 20, slow: 4), serves: false, at: Seconds(Double(step)))
        }
        for step in 21...60 {
            let found = figures(1, 20, fast: 20, slow: 4) + figures(2, step - 20, fast: 4, slow: 20)
            let verdict = judge.observe(found, serves: true, at: Seconds(Double(step)))
            if case .worse(let why) = verdict { Issue.record("step \(step): \(why)") }
        }
    }
}
