import Fleet
import Foundation
import Testing

/// The units are static files and the layout is code: nothing but this holds them together.
@Suite("Convoy's own units")
struct OwnUnitsTests {
    static let units = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("units").path
    let layout = FleetLayout(root: "/")

    private func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: "\(Self.units)/\(name)", encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    private func values(_ setting: String, in name: String) throws -> [String] {
        try lines(name).filter { $0.hasPrefix(setting + "=") }.map { String($0.dropFirst(setting.count + 1)) }
    }

    @Test("the gate is started with the arguments that the supervisor gives it elsewhere")
    func gate() throws {
        let command =
            "/usr/bin/convoy gate --policy \(layout.gatePolicy) --sessions \(layout.gateRuntime) "
            + "--refresher \(layout.refresherSocket)"
        #expect(try values("ExecStart", in: "convoy-gate.service") == [command])
        #expect(try values("ListenStream", in: "convoy-gate.socket") == [layout.gateSocket])
        #expect(try values("ReadWritePaths", in: "convoy-gate.service") == [layout.gateRuntime])
    }

    @Test("nginx's user may connect to the gate, and nobody else")
    func gateSocket() throws {
        let edge = try values("User", in: "convoy-edge.service")
        #expect(try edge.count == 1 && values("SocketUser", in: "convoy-gate.socket") == edge)
        #expect(try values("SocketMode", in: "convoy-gate.socket") == ["0600"])
        let gate = try values("User", in: "convoy-gate.service")
        #expect(try gate.count == 1 && values("SocketUser", in: "convoy-refresher.socket") == gate)
        #expect(try values("SocketMode", in: "convoy-refresher.socket") == ["0600"])
    }

    @Test("the refresher is started with the arguments that the supervisor gives it elsewhere")
    func refresher() throws {
        let command = "/usr/bin/convoy refresher --plan \(layout.refresherPlan)"
        #expect(try values("ExecStart", in: "convoy-refresher.service") == [command])
        #expect(try values("ConditionPathExists", in: "convoy-refresher.service") == [layout.refresherPlan])
        #expect(try values("ListenStream", in: "convoy-refresher.socket") == [layout.refresherSocket])
    }

    @Test("nginx is started as the edge's adapter starts it")
    func edge() throws {
        let installed = layout.edgeConfiguration + "/current/nginx.conf"
        let command = "/usr/sbin/nginx -c \(installed) -p \(layout.edgeRuntime) -e \(layout.log("edge-error"))"
        #expect(try values("ExecStart", in: "convoy-edge.service") == [command])
        #expect(try values("ConditionPathExists", in: "convoy-edge.service") == [installed])
        #expect(try values("WorkingDirectory", in: "convoy-edge.service") == [layout.edgeRuntime])
        let writable = [layout.edgeRuntime, layout.log("edge-access"), layout.log("edge-error")]
        #expect(try values("ReadWritePaths", in: "convoy-edge.service") == [writable.joined(separator: " ")])
    }

    @Test("the supervisor may write where it has to, and the firewall is read where it is put")
    func supervisor() throws {
        #expect(try values("ExecStart", in: "convoy-supervisor.service") == ["/usr/bin/convoy supervise --root /"])
        let writable = try values("ReadWritePaths", in: "convoy-supervisor.service").joined(separator: " ")
            .split(separator: " ").map(String.init)
        for path in ["/etc/systemd/system", layout.configuration, layout.state, layout.runtime, "-/var/lib/private"] {
            #expect(writable.contains(path), "\(path)")
        }
        #expect(layout.privateInstance("a-1-g1").hasPrefix("/var/lib/private/"))
        let rules = "/usr/sbin/nft -f \(layout.firewallRules)"
        #expect(try values("ExecStart", in: "convoy-firewall.service") == [rules])
        #expect(try values("ConditionPathExists", in: "convoy-firewall.service") == [layout.firewallRules])
    }

    @Test("another nginx is changed by a unit of its own, which is there only while there is something to change")
    func include() throws {
        #expect(try values("ExecStart", in: "convoy-include.service") == ["/usr/bin/convoy include --root /"])
        #expect(try values("ConditionPathExists", in: "convoy-include.service") == [layout.includeOrder])
        let writable = try values("ReadWritePaths", in: "convoy-include.service")
        #expect(writable == ["-/etc/nginx \(layout.edgeConfiguration)"])
    }

    @Test("the stop or restart of one of Convoy's units takes no other with it, except those that need its listener")
    func apart() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.units) where name.hasPrefix("convoy-") {
            for binding in ["PartOf", "BindsTo", "Requisite", "PropagatesStopTo", "Upholds"] {
                #expect(try values(binding, in: name).isEmpty, "\(name): \(binding)")
            }
            let required = try values("Requires", in: name)
            #expect(required.allSatisfy { $0 == name.replacingOccurrences(of: ".service", with: ".socket") }, "\(name)")
            // Those two are over when they have done their work.
            let isLasting = !["convoy-firewall.service", "convoy-include.service"].contains(name)
            guard name.hasSuffix(".service"), isLasting else { continue }
            #expect(try values("Restart", in: name) == ["always"])
            // The supervisor never stays down until somebody comes; and it starts the others again.
            let limit = name == "convoy-supervisor.service" ? "0" : "10"
            #expect(try values("StartLimitIntervalSec", in: name) == [limit], "\(name)")
        }
    }

    @Test("at boot only the supervisor, the gate's listener and the firewall start by themselves: proof before traffic")
    func boot() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.units).filter { $0.hasPrefix("convoy-") }
        let enabled = try names.filter { try !values("WantedBy", in: $0).isEmpty }.sorted()
        #expect(enabled == ["convoy-firewall.service", "convoy-gate.socket", "convoy-supervisor.service"])
    }

    @Test("the supervisor that no longer turns is killed")
    func watchdog() throws {
        #expect(try values("Type", in: "convoy-supervisor.service") == ["notify"])
        #expect(try values("WatchdogSec", in: "convoy-supervisor.service") == ["10s"])
        #expect(try values("WatchdogSignal", in: "convoy-supervisor.service") == ["SIGKILL"])
    }

    @Test("every static user that a unit or directory names is made")
    func users() throws {
        let made = Set(try lines("sysusers.d/convoy.conf").map { String($0.split(separator: " ")[1]) })
        var named: Set<String> = ["root"]
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.units) where name.hasPrefix("convoy-") {
            for setting in ["User", "Group", "SocketUser", "SocketGroup"] {
                named.formUnion(try values(setting, in: name))
            }
        }
        for line in try lines("tmpfiles.d/convoy.conf") {
            named.formUnion(line.split(separator: " ")[3...4].map(String.init))
        }
        #expect(named == made.union(["root"]))
    }

    @Test("tmpfiles make what the layout says, for whom it says")
    func directories() throws {
        let rows = try lines("tmpfiles.d/convoy.conf").map { $0.split(separator: " ").map(String.init) }
        let found = Dictionary(uniqueKeysWithValues: rows.map { ($0[1], "\($0[0]) \($0[2]) \($0[3])") })
        #expect(
            found == [
                layout.configuration: "d 0755 root", layout.configuration + "/gate": "d 0755 root",
                layout.edgeConfiguration: "d 0755 root",
                layout.state: "d 0755 root", layout.generations: "d 0700 root", layout.instances: "d 0700 root",
                layout.logs: "d 0711 root", layout.log("edge-access"): "f 0600 convoy-edge",
                layout.log("edge-error"): "f 0600 convoy-edge", layout.runtime: "d 0755 root",
                layout.edgeRuntime: "d 0711 convoy-edge", layout.gateRuntime: "d 0700 convoy-gate",
            ])
    }
}
