import Admission
import Fleet
import Foundation
import Planning
import Synchronization

/// The issuers of one plan file. A bad file never replaces a good plan; without any, nobody is answered.
package final class Refresher: Sendable {
    private struct Applied: Sendable {
        var plan: RefresherPlan
        var desks: [String: IssuerDesk]
    }

    private let planFile: String
    private let world: RefresherWorld
    private let http: IssuerHTTP
    private let applied = Mutex<Applied?>(nil)

    package init(planFile: String, world: RefresherWorld, limits: IssuerLimits = IssuerLimits()) {
        self.planFile = planFile
        self.world = world
        http = IssuerHTTP(limits: limits)
    }

    /// Of the plan that applies.
    package var listen: String? { applied.withLock { $0?.plan.listen } }

    /// Reads the plan again. Not to be called twice at the same time.
    package func reload() async {
        do throws(PlanFault) {
            let plan = try RefresherPlan.read(planFile)
            if let fault = RefresherPlanCheck.fault(in: plan) { throw PlanFault(fault) }
            await apply(plan, try IssuerTrust(ca: plan.ca))
        } catch {
            let kept = applied.withLock { $0.map { "revision \($0.plan.revision) stays" } }
            world.log("plan refused: \(error.reason); \(kept ?? "none applies, every question is refused")")
        }
    }

    package func stop() async {
        let applied = self.applied.withLock { applied in
            defer { applied = nil }
            return applied
        }
        for desk in applied?.desks.values ?? [:].values { await desk.keeper?.stop() }
        await http.shutdown()
    }

    func desk(_ issuer: String) throws(RefresherRefusal) -> IssuerDesk {
        guard let applied = applied.withLock(\.self) else { throw .cannotTell("no plan applies") }
        // A dictionary also finds canonical equivalents.
        guard let desk = applied.desks[issuer], desk.terms.issuer.url.isExactly(issuer) else {
            throw .unknown("the issuer is not in the plan")
        }
        return desk
    }

    func health() async throws(RefresherRefusal) -> RefresherHealth {
        guard let applied = applied.withLock(\.self) else { throw .cannotTell("no plan applies") }
        var issuers: [RefresherHealth.Issuer] = []
        for issuer in applied.plan.issuers {
            if let desk = applied.desks[issuer.url] { issuers.append(await desk.health()) }
        }
        return RefresherHealth(revision: applied.plan.revision, issuers: issuers)
    }

    private func apply(_ plan: RefresherPlan, _ trust: IssuerTrust) async {
        let old = applied.withLock { $0?.desks ?? [:] }
        var desks: [String: IssuerDesk] = [:]
        var started: [IssuerDesk] = []
        for issuer in plan.issuers {
            let terms = IssuerDesk.Terms(
                issuer: issuer, staleLimit: plan.staleLimit, forcedEvery: plan.forcedEvery, pem: trust.pem)
            if let desk = old[issuer.url], desk.terms == terms {
                desks[issuer.url] = desk
            } else {
                let desk = IssuerDesk(terms, world, http: http, trust: trust)
                desks[issuer.url] = desk
                started.append(desk)
            }
        }
        // Before anybody can ask them: who asks first then waits for the first fetch.
        for desk in started { await desk.keeper?.start() }
        applied.withLock { $0 = Applied(plan: plan, desks: desks) }
        world.log("plan applied: revision \(plan.revision), \(plan.issuers.count) issuers")
        for desk in started {
            if let fault = desk.introspector?.secretFault { world.log("\(desk.terms.issuer.url): \(fault)") }
        }
        for (url, desk) in old where desks[url]?.terms != desk.terms { await desk.keeper?.stop() }
    }
}

extension RefresherPlan {
    static func read(_ path: String) throws(PlanFault) -> RefresherPlan {
        let content: [UInt8]
        do throws(BoundedFile.Fault) { content = try BoundedFile.read(path, limit: 1 << 20) } catch {
            throw PlanFault("cannot read \(path): \(error.reason)")
        }
        do { return try JSONDecoder().decode(RefresherPlan.self, from: Data(content)) } catch {
            throw PlanFault("\(path) is not a refresher plan")
        }
    }
}

/// Why a question gets no answer.
enum RefresherRefusal: Error, Sendable, Equatable {
    case malformed(String)
    case unknown(String)
    /// Not now; later perhaps.
    case cannotTell(String)
}
