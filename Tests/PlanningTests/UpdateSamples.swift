import Fleet
import Testing

@testable import Planning

/// A host that serves, and the package that it is to have.
enum UpdateSamples {
    static let host = HostSpec(name: "web-1", address: "10.0.0.11", ssh: "ops@10.0.0.11")
    static let lasting = UpdateFacts.Lasting(
        instances: ["convoy-instance-analytics-1-g1.service": 70, "convoy-instance-analytics-2-g1.service": 71],
        edge: 80, hasGate: true, answer: 401)

    static func wish() throws -> UpdateWish {
        UpdateWish(
            package: BootstrapWish.Package(
                version: "0.2.0", architecture: "amd64", digest: try PlanSamples.digest("b")),
            window: 180)
    }

    static func judge() throws -> UpdateJudge { UpdateJudge(host, try wish()) }

    static func facts(_ change: (inout UpdateFacts) -> Void = { _ in }) -> UpdateFacts {
        var facts = UpdateFacts()
        (facts.architecture, facts.package) = ("amd64", "0.1.0")
        facts.room = ["/usr": 20 << 30, "/var/lib": 20 << 30]
        facts.supervisor = UpdateFacts.Unit(isActive: true, pid: 60, isCurrent: true)
        facts.gate = UpdateFacts.Unit(isActive: true, pid: 61, isCurrent: true)
        facts.lasting = lasting
        facts.fleet = UpdateFacts.Fleet(name: "shop", generation: 1, converged: true)
        change(&facts)
        return facts
    }

    /// The package is there, and nobody has confirmed it.
    static func tried(_ change: (inout UpdateFacts) -> Void = { _ in }) throws -> UpdateFacts {
        let digest = try wish().package.digest
        return facts {
            $0.package = "0.2.0"
            $0.trial = UpdateFacts.Trial(digest: digest, isInstalled: true, before: lasting)
            ($0.supervisor.pid, $0.gate.pid) = (90, 91)
            change(&$0)
        }
    }

    static func updated() throws -> UpdateFacts {
        let digest = try wish().package.digest
        return facts { ($0.package, $0.packageFile) = ("0.2.0", digest) }
    }
}
