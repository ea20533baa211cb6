import Fleet
import Planning
import Ports

// What a server says of the settings that it would get, asked before anything of it is made.
extension FleetSupervisor {
    /// Of each pool one, as the others differ from it by port and name only. Throws the server's own words.
    ///
    /// A host that gets its releases from an operator has this one later: there it is asked when it is to begin.
    func askServers(of plan: GenerationPlan) async throws {
        guard let runner = ports.dryRunner, let dryRun = plan.origin.profile.dryRun, askedServers != plan.wish else {
            return
        }
        let release = settings.layout.releases + "/" + plan.release.digest.hex
        guard try !ports.files.list(release).isEmpty else { return }
        // Nothing of a release runs before every byte of it is as it was fetched.
        try await checkBytes(of: plan.release.digest)
        let pools = Dictionary(plan.instances.map { ($0.pool, $0) }) { first, _ in first }
        for (pool, instance) in pools.sorted(by: { $0.key < $1.key }) {
            let trial = DryRun(
                executable: instance.launch.executable, arguments: instance.launch.arguments + dryRun.arguments,
                environment: instance.launch.environment.merging(Self.pretended(plan.origin.profile)) { $1 },
                release: release, deadline: dryRun.deadline)
            guard let words = try await runner.run(trial) else { continue }
            throw Failure(
                .failed, "\(plan.release.name) \(plan.release.version) refuses the settings of pool \(pool)",
                because: words,
                next: "correct server/settings in fleet.yaml, or take another version; nothing was changed")
        }
        askedServers = plan.wish
    }

    /// Secrets of the right form that open nothing: a server may print what it was told.
    private static func pretended(_ profile: Profile) -> [String: String] {
        profile.start.secrets.mapValues { kind in
            switch kind {
            case .databaseURI: "mongodb://dry-run:dry-run@127.0.0.1:1/?authSource=admin"
            case .headerSecret: #"{"x-convoy-secret":"dry-run"}"#
            }
        }
    }
}
