import Fleet
import Testing

@testable import Planning

/// A bare Debian host that can be bootstrapped, and what it is to become.
enum BootstrapSamples {
    static let host = HostSpec(name: "web-1", address: "10.0.0.11", ssh: "ops@10.0.0.11")
    static let now = 1_800_000_000.0
    static let yaml = BootstrapPlace.folder + "/fleet.yaml"

    static func wish(_ change: (inout BootstrapWish) -> Void = { _ in }) throws -> BootstrapWish {
        let spec = PlanSamples.spec {
            $0.database = nil
            $0.edge = EdgeSpec(
                url: "https://mcp.example.com", listen: EdgeSpec.Listen(address: "0.0.0.0", port: 443),
                authorization: .issuer(url: "https://login.example.com", jwks: .discover))
        }
        var wish = BootstrapWish(
            spec: spec, version: "0.1.0",
            package: BootstrapWish.Package(
                version: "0.1.0", architecture: "amd64", digest: try PlanSamples.digest("b")),
            release: LockedRelease(
                reference: spec.server.release, constraints: [], platform: "cp311-linux_x86_64", packages: [],
                digest: try PlanSamples.digest("c")), files: [yaml: try PlanSamples.digest("d")])
        change(&wish)
        return wish
    }

    static func bare(_ change: (inout HostFacts) -> Void = { _ in }) -> HostFacts {
        var facts = HostFacts()
        (facts.system, facts.systemVersion, facts.architecture, facts.systemd) = ("debian", "12", "amd64", 252)
        facts.clock = now
        facts.freeMemory = 4 << 30
        for place in HostFacts.wantedDirectories {
            facts.disks[place] = HostFacts.Disk(freeBytes: 20 << 30, freeFiles: 1_000_000)
        }
        facts.listeners = [HostFacts.Listener(port: 22, owner: "sshd (pid 50)", pid: 50)]
        facts.programs = ["apt-get", "dpkg", "systemd-creds", "tar", "sha256sum"]
        change(&facts)
        return facts
    }

    /// After a bootstrap.
    static func done(_ change: (inout HostFacts) -> Void = { _ in }) throws -> HostFacts {
        let wish = try wish()
        return bare {
            $0.programs.formUnion(["nginx", "nft", "python3"])
            $0.python = "cp311-linux_x86_64"
            ($0.package, $0.packageFile) = ("0.1.0", wish.package?.digest)
            $0.hasCredentialKey = true
            $0.releases = [wish.release.digest]
            $0.files = wish.files
            $0.edgePids = [900, 901]
            $0.listeners.append(HostFacts.Listener(port: 443, owner: "nginx (pid 900)", pid: 900))
            change(&$0)
        }
    }
}
