/// The files under `templates/`, embedded in the binary. Each can be overridden by a file of the
/// same path below a directory of the operator's.
package enum Templates {
    /// Path below `templates/` -> content.
    package static let all: [String: String] = [
        "nginx/edge.conf.mustache": text(PackageResources.edge_conf_mustache),
        "nftables/convoy.nft.mustache": text(PackageResources.convoy_nft_mustache),
        "profiles/documentdb.yaml": text(PackageResources.documentdb_yaml),
        "profiles/grafana.yaml": text(PackageResources.grafana_yaml),
        "profiles/mongodb.yaml": text(PackageResources.mongodb_yaml),
        "spec/fleet.yaml": text(PackageResources.fleet_yaml),
        "systemd/convoy.slice.mustache": text(PackageResources.convoy_slice_mustache),
        "systemd/instance.service.mustache": text(PackageResources.instance_service_mustache),
    ]

    /// Nil when no such profile is built in.
    package static func profile(_ name: String) -> String? { all["profiles/\(name).yaml"] }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
