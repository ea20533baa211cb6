import Fleet
import Planning
import Ports

/// One probe of one instance, from questions to a finding. It goes the way real traffic goes: a
/// read tool call; all that comes before only says why not, more precisely.
struct InstanceProbe: Sendable {
    let prober: any InstanceProber
    let plan: ProbePlan

    /// - Parameter era: known from an earlier probe of the same process; nil = ask everything.
    func observe(era: Era?) async -> InstanceMachine.Observation {
        do {
            guard let era else { return try await full() }
            if plan.canary == nil { _ = try await prober.readiness(plan, knownEra: era) }
            return try await judgeCanary(era, InstanceMachine.Observation(finding: .passed))
        } catch let fault as ProbeFault where fault.busy {
            // It refuses because of too many calls: that says nothing of its health.
            return InstanceMachine.Observation(finding: .busy(fault.reason))
        } catch {
            let why = (error as? ProbeFault)?.reason ?? "\(error)"
            if let lifeless = await prober.liveness(plan) {
                let reason = why == lifeless ? why : "\(why); liveness: \(lifeless)"
                return InstanceMachine.Observation(finding: .lifeless(reason))
            }
            return InstanceMachine.Observation(finding: .failed(why))
        }
    }

    private func full() async throws -> InstanceMachine.Observation {
        let readiness = try await prober.readiness(plan)
        let seen = InstanceMachine.Observation(
            finding: .passed, eras: readiness.eras, toolsDigest: readiness.toolsDigest, offer: readiness.offer)
        if let wrong = versionFault(readiness) { return failed(seen, wrong) }
        guard let era = readiness.eras.first else { return failed(seen, "speaks no era of MCP that is known here") }
        return try await judgeCanary(era, seen)
    }

    private func judgeCanary(
        _ era: Era, _ seen: InstanceMachine.Observation
    ) async throws -> InstanceMachine.Observation {
        guard let canary = plan.canary else { return seen }
        let answer = try await prober.canary(plan, era: era)
        guard let fault = CanaryJudge(canary).fault(error: answer.error, isError: answer.isError, text: answer.text)
        else { return seen }
        return failed(seen, fault)
    }

    private func versionFault(_ readiness: Readiness) -> String? {
        guard plan.version.source == .server else { return nil }
        let expected = plan.version.prefix + plan.expectedVersion
        guard readiness.announcedVersion != expected else { return nil }
        return "announces version \(Excerpt(readiness.announcedVersion, length: 40)), not \(expected)"
    }

    private func failed(
        _ seen: InstanceMachine.Observation, _ why: String
    ) -> InstanceMachine.Observation {
        InstanceMachine.Observation(
            finding: .failed(why), isWrongAnswer: true, eras: seen.eras, toolsDigest: seen.toolsDigest)
    }
}
