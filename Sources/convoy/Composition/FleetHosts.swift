import Control
import Fleet
import Foundation
import Hosts
import Operations
import Planning
import Ports
import Releases
import Supervision

/// The operator's end of a fleet over several hosts: a standing way to each, and what goes over it.
final class FleetHosts: Sendable {
    private let folder: PrivateFolder
    private let sites: [RemoteChores.Site]
    private let wires: [HostWire]
    /// Left out of the chores.
    let aside = AsideHosts()

    init(_ hosts: [HostSpec]) throws {
        let folder = try PrivateFolder()
        self.folder = folder
        let dialer = OpenSSHDialer(
            SSHSettings(
                configuration: ProcessInfo.processInfo.environment["CONVOY_SSH_CONFIG"], sockets: folder.path))
        sites = hosts.map { RemoteChores.Site(host: $0, link: dialer.link(to: $0)) }
        wires = sites.map { HostWire($0.link, host: $0.host.name, convoy: Convoy.version) }
    }

    /// Standing connections end half a minute after the last use by themselves.
    deinit { folder.remove() }

    /// - Parameter fence: of the lease; without one the supervisors only tell.
    func control(under fence: Int?, progress: any Ports.Progress) -> HostsControl {
        HostsControl(members(under: fence), time: SystemTime(), progress: progress)
    }

    func members(under fence: Int?) -> [FleetMember] {
        zip(sites, wires).map { site, wire in
            FleetMember(name: site.host.name, control: ControlClient(over: wire, fence: fence))
        }
    }

    /// A conversation of its own with each, over the same connection.
    func logs() -> [(host: String, source: any LogSource)] {
        sites.map { site in
            let dialogue = HostDialogue(site.link, host: site.host.name, convoy: Convoy.version)
            return (site.host.name, HostLogSource(dialogue))
        }
    }

    func looks(_ layout: FleetLayout, under fence: Int?, progress: any Ports.Progress) -> any HostLooks {
        KeptLooks(chores: remoteChores(layout, under: fence, progress: progress), hosts: self)
    }

    func chores(_ layout: FleetLayout, under fence: Int?, progress: any Ports.Progress) -> any HostChores {
        KeptChores(chores: remoteChores(layout, under: fence, progress: progress), hosts: self)
    }

    func remoteChores(_ layout: FleetLayout, under fence: Int?, progress: any Ports.Progress) -> RemoteChores {
        RemoteChores(
            sites, convoy: Convoy.version,
            freight: TarFreight(state: layout.state, seal: TreeReleaseSeal(state: layout.state)),
            digest: { try FileDigest.of($0) }, folder: folder.path, fence: fence, aside: aside,
            progress: progress)
    }
}

private struct KeptLooks: HostLooks {
    let chores: RemoteChores
    let hosts: FleetHosts

    func surveys() async -> [HostAnswered<DriftSurvey>] { await chores.surveys() }
    func mend(_ hosts: Set<String>) async -> [HostAnswered<[String]>] { await chores.mend(hosts) }
}

/// The ways are there as long as somebody may use them.
private struct KeptChores: HostChores {
    let chores: RemoteChores
    let hosts: FleetHosts

    func wake() async throws -> Bool { try await chores.wake() }
    func bring(_ release: Digest) async throws { try await chores.bring(release) }
    func fault(_ next: GenerationPlan) async throws -> String? { try await chores.fault(next) }
    func keep(_ passwords: [String: Secret], of plan: GenerationPlan) async throws {
        try await chores.keep(passwords, of: plan)
    }
    func sweep(keeping instances: Set<String>) async throws { try await chores.sweep(keeping: instances) }
    func forget(_ host: String) async throws { try await chores.forget(host) }
}
