/// Convoy's own static units and what comes with them, embedded in the binary as the package installs them. (`embedded/` holds
/// links: two files of one name can't be embedded.)
package enum Units {
    /// Absolute path on a host -> content.
    package static let all: [String: String] = [
        "/usr/lib/systemd/system/convoy-edge.service": text(PackageResources.convoy_edge_service),
        "/usr/lib/systemd/system/convoy-firewall.service": text(PackageResources.convoy_firewall_service),
        "/usr/lib/systemd/system/convoy-gate.service": text(PackageResources.convoy_gate_service),
        "/usr/lib/systemd/system/convoy-gate.socket": text(PackageResources.convoy_gate_socket),
        "/usr/lib/systemd/system/convoy-include.service": text(PackageResources.convoy_include_service),
        "/usr/lib/systemd/system/convoy-refresher.service": text(PackageResources.convoy_refresher_service),
        "/usr/lib/systemd/system/convoy-refresher.socket": text(PackageResources.convoy_refresher_socket),
        "/usr/lib/systemd/system/convoy-supervisor.service": text(PackageResources.convoy_supervisor_service),
        "/usr/lib/sysusers.d/convoy.conf": text(PackageResources.sysusers_conf),
        "/usr/lib/tmpfiles.d/convoy.conf": text(PackageResources.tmpfiles_conf),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
