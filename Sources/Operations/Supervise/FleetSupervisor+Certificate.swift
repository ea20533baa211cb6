import Fleet
import Foundation
import Planning
import Ports

// A renewed certificate comes by a changed file: whoever renews need not know of us.
extension FleetSupervisor {
    private static var certificateWatch: Seconds { 10 }

    /// What the edge's TLS is to be installed with. The plan loses the response to staple when that must not be
    /// stapled: nginx serves as well without one.
    func certificateFiles(for plan: inout EdgePlan) throws -> [RenderedFile] {
        guard let tls = plan.edge.tls, let certificate = ports.certificate else { return [] }
        certificateStamp = certificate.stamp(of: tls)
        let host = URLComponents(string: plan.edge.url)?.host ?? ""
        let pair = try certificate.pair(of: tls, host: host, now: ports.time.wallClock())
        let findings = pair.findings.map { "\($0.what); \($0.next)" }
        if findings != certificateFindings { findings.forEach(ports.log) }
        certificateFindings = findings
        staplingEnds = pair.staplingEnds
        if staplingEnds == nil { plan.edge.tls?.stapling = nil }
        return pair.files
    }

    /// Runs until it is cancelled.
    func watchCertificate() async {
        var turns = 0
        while (try? await ports.time.sleep(Self.certificateWatch)) != nil {
            turns += 1
            let edge = (active.generation.flatMap { plans[$0] } ?? plans.values.first)?.edge
            guard let tls = edge?.tls, let certificate = ports.certificate else { continue }
            // Every hour without any change, too: what is good today expires some day, and the log should tell.
            // A response that has just become stale must not be sent for an hour more.
            let isStale = staplingEnds.map { ports.time.wallClock() >= $0 } ?? false
            guard certificate.stamp(of: tls) != certificateStamp || isStale || turns.isMultiple(of: 360) else {
                continue
            }
            try? await reconcileEdge()
        }
    }
}
