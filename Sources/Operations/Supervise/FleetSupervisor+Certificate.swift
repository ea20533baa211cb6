import Fleet
import Foundation
import Planning
import Ports

// A renewed certificate comes by a changed file: whoever renews need not know of us.
extension FleetSupervisor {
    private static var certificateWatch: Seconds { 10 }

    /// The pair that the edge is to serve with, to be installed beside its configuration.
    func certificateFiles(of edge: EdgeSpec) throws -> [RenderedFile] {
        guard let tls = edge.tls, let certificate = ports.certificate else { return [] }
        certificateStamp = certificate.stamp(of: tls)
        let host = URLComponents(string: edge.url)?.host ?? ""
        let pair = try certificate.pair(of: tls, host: host, now: ports.time.wallClock())
        let findings = pair.findings.map { "certificate \(tls.certificate): \($0.what); \($0.next)" }
        if findings != certificateFindings { findings.forEach(ports.log) }
        certificateFindings = findings
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
            guard certificate.stamp(of: tls) != certificateStamp || turns.isMultiple(of: 360) else { continue }
            try? await reconcileEdge()
        }
    }
}
