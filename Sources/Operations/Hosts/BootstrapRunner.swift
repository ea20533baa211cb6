import Fleet
import Planning
import Ports

/// Bootstraps many hosts: examines all of them, and changes none unless all may be changed.
package struct BootstrapRunner: Sendable {
    /// Hosts at a time. More would only wait for this machine's own processor and uplink.
    package static let width = 20

    private let wish: BootstrapWish
    private let cargo: BootstrapCargo
    private let ports: BootstrapPorts

    package init(wish: BootstrapWish, cargo: BootstrapCargo, ports: BootstrapPorts) {
        self.wish = wish
        self.cargo = cargo
        self.ports = ports
    }

    /// - Parameter isDry: nothing is changed on any host.
    package func run(_ hosts: [HostSpec], isDry: Bool) async throws -> BootstrapReport {
        var all: [HostBootstrap] = []
        for host in hosts {
            let link = try await ports.dialer.dial(host)
            all.append(HostBootstrap(HostSteps(host: host, wish: wish, cargo: cargo, ports: ports, link: link)))
        }
        all = await BoundedTasks.each(all, width: Self.width) { await $0.examine() }
        if !isDry, !all.contains(where: { $0.machine.state.isOver }) {
            all = await BoundedTasks.each(all, width: Self.width) { await $0.go() }
        }
        for one in all { await one.steps.link.close() }
        return BootstrapReport(fleet: wish.spec.name, dryRun: isDry, hosts: all.map(\.report))
    }
}
