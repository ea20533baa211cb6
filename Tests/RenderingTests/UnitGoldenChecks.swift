import Fleet
import Foundation
import Testing

@testable import Rendering

@Suite(
    "Units and rules before the real judges (real parts)",
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct UnitGoldenChecks {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Highest exposure that `systemd-analyze security` may find, in tenths.
    static let own: [(unit: String, tenths: Int)] = [
        ("convoy-gate.service", 2), ("convoy-edge.service", 14), ("convoy-refresher.service", 14),
        ("convoy-firewall.service", 14), ("convoy-supervisor.service", 27), ("convoy-include.service", 25),
    ]

    @Test("systemd-analyze verify finds nothing to say about an instance's unit", arguments: UnitExamples.names)
    func verifyInstance(_ name: String) throws {
        let files = [try UnitRenderer.render(UnitExamples.plan(name)), try UnitRenderer.render(UnitExamples.slice)]
        try verify(files)
    }

    @Test("systemd-analyze verify finds nothing to say about Convoy's own units")
    func verifyOwn() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.repository + "/units")
            .filter { $0.hasSuffix(".service") || $0.hasSuffix(".socket") }
        #expect(names.count == 8)
        try verify(
            try names.sorted().map {
                RenderedFile(
                    path: $0,
                    content: try String(contentsOfFile: "\(Self.repository)/units/\($0)", encoding: .utf8))
            })
    }

    @Test("an instance's exposure is 0.9 at most, whatever its runtime", arguments: UnitExamples.names)
    func instanceExposure(_ name: String) throws {
        try inDirectory { root in
            let file = try UnitRenderer.render(UnitExamples.plan(name))
            try file.content.write(toFile: "\(root)/\(file.path)", atomically: true, encoding: .utf8)
            try expectExposure("\(root)/\(file.path)", atMost: 9)
        }
    }

    @Test("Convoy's own units are exposed no more than their job asks for", arguments: own)
    func ownExposure(_ unit: String, _ tenths: Int) throws {
        try expectExposure("\(Self.repository)/units/\(unit)", atMost: tenths)
    }

    @Test("every point that is still counted has its reason in the unit", arguments: own.map(\.unit))
    func reasons(_ unit: String) throws {
        let text = try String(contentsOfFile: "\(Self.repository)/units/\(unit)", encoding: .utf8)
        try expectReasons(for: "\(Self.repository)/units/\(unit)", in: text)
    }

    @Test("every point that is still counted has its reason in an instance's unit", arguments: UnitExamples.names)
    func instanceReasons(_ name: String) throws {
        try inDirectory { root in
            let file = try UnitRenderer.render(UnitExamples.plan(name))
            try file.content.write(toFile: "\(root)/\(file.path)", atomically: true, encoding: .utf8)
            try expectReasons(for: "\(root)/\(file.path)", in: file.content)
        }
    }

    /// Of the words of a command the first is the one that systemd says it missed.
    @Test("systemd reads an escaped word back as it was", arguments: [#"50% a"b'c\d;e $x %h"#, "é \t\"\\\\\"", "%%;%"])
    func readBack(_ word: String) throws {
        try inDirectory { root in
            let path = "/none/" + word
            let unit = "\(root)/word.service"
            // Variables are expanded in the words after the first only, so a dollar is single in it.
            let text = try SystemdText("x").argument(path).replacingOccurrences(of: "$$", with: "$")
            try "[Service]\nExecStart=\(text)\n".write(toFile: unit, atomically: true, encoding: .utf8)
            let (_, words) = try Tool.run("/usr/bin/systemd-analyze", ["verify", "--man=no", unit])
            #expect(words.contains(": \(path)\n") || words.contains("Command \(path) is not executable"), "\(words)")
        }
    }

    @Test("nft takes the rules as they are", arguments: FirewallRendererTests.names)
    func firewall(_ name: String) throws {
        try inDirectory { root in
            let plan = try #require(UnitExamples.firewalls[name])
            let path = "\(root)/convoy.nft"
            try FirewallRenderer.render(plan).content.write(toFile: path, atomically: true, encoding: .utf8)
            let (code, words) = try Tool.run("/usr/sbin/nft", ["-c", "-f", path])
            #expect(code == 0 && words.isEmpty, "\(words)")
        }
    }

    /// In a network of its own: one user after the other tries one port after the other.
    @Test("the kernel refuses who has no business at a port, and nobody else", .enabled(if: getuid() == 0))
    func refusedByUser() throws {
        try inDirectory { root in
            let path = "\(root)/convoy.nft"
            let plan = try #require(UnitExamples.firewalls["local"])
            try FirewallRenderer.render(plan).content.write(toFile: path, atomically: true, encoding: .utf8)
            let script = """
                import os, socket, subprocess
                subprocess.check_call(["ip", "link", "set", "lo", "up"])
                for _ in range(2):
                    subprocess.check_call(["nft", "-f", "\(path)"])
                listeners = []
                for port in (42000, 27017, 8420):
                    listeners.append(socket.create_server(("127.0.0.1", port)))
                for user in (0, 997, 115, 1000, 61184, 65519):
                    found = []
                    for port in (42000, 27017, 8420):
                        child = os.fork()
                        if child == 0:
                            os.setuid(user)
                            s = socket.socket()
                            s.settimeout(5)
                            os._exit(0 if s.connect_ex(("127.0.0.1", port)) == 0 else 1)
                        found.append("yes" if os.waitpid(child, 0)[1] == 0 else "no")
                    print(user, *found)
                """
            let (code, words) = try Tool.run("/usr/bin/unshare", ["-n", "/usr/bin/python3", "-c", script])
            // Instance, database, edge.
            let expected = """
                0 yes yes yes
                997 yes no yes
                115 no yes yes
                1000 no no yes
                61184 no yes yes
                65519 no yes yes

                """
            #expect(code == 0 && words == expected, "\(words)")
        }
    }

    private func expectExposure(_ unit: String, atMost tenths: Int) throws {
        let (code, words) = try Tool.run(
            "/usr/bin/systemd-analyze",
            ["security", "--offline=true", "--no-pager", "--threshold=\(tenths)", unit])
        #expect(code == 0, "\(words.split(separator: "\n").last ?? "")")
        print("exposure: \(words.split(separator: "\n").last ?? "")")
    }

    /// A point is named in the unit by its setting, or by what is denied too little: `AF_UNIX`, `CAP_CHOWN`.
    private func expectReasons(for unit: String, in text: String) throws {
        struct Row: Decodable {
            var name: String
            var exposure: String?
        }
        let (_, words) = try Tool.run(
            "/usr/bin/systemd-analyze", ["security", "--offline=true", "--json=short", unit])
        let rows = try JSONDecoder().decode([Row].self, from: Data(words.utf8))
        let reasons = try #require(text.components(separatedBy: "# What `systemd-analyze security` still counts").last)
        let counted = rows.filter { ($0.exposure.flatMap { Double($0) } ?? 0) > 0 }
        #expect(rows.count > 60 && !counted.isEmpty)
        for row in counted {
            let detail = row.name.split(separator: "~").last.map(String.init) ?? row.name
            let known =
                [row.name.split(separator: "=").first.map { "\($0)=" } ?? row.name]
                + Self.words[detail, default: [detail]]
            #expect(known.contains { reasons.contains($0) }, "\(row.name) has no reason in \(unit)")
        }
    }

    private static let words: [String: [String]] = [
        "AF_(INET|INET6)": ["AF_INET"], "CAP_SET(UID|GID|PCAP)": ["CAP_SETUID"],
        "CAP_(CHOWN|FSETID|SETFCAP)": ["CAP_CHOWN"], "CAP_(DAC_*|FOWNER|IPC_OWNER)": ["CAP_DAC_*"],
        "CAP_NET_(BIND_SERVICE|BROADCAST|RAW)": ["CAP_NET_BIND_SERVICE"],
    ]

    /// In a root of its own, which has systemd's units and the programs that ours name, as scripts that do nothing.
    private func verify(_ files: [RenderedFile]) throws {
        try inDirectory { root in
            let manager = FileManager.default
            for path in ["etc/systemd/system", "usr/lib/systemd", "usr/lib/convoy", "usr/bin", "usr/sbin", "bin"] {
                try manager.createDirectory(atPath: "\(root)/\(path)", withIntermediateDirectories: true)
            }
            try manager.createSymbolicLink(atPath: "\(root)/lib", withDestinationPath: "usr/lib")
            try manager.copyItem(atPath: "/usr/lib/systemd/system", toPath: root + "/usr/lib/systemd/system")
            for program in [
                "usr/bin/convoy", "usr/lib/convoy/convoy-exec", "usr/sbin/nginx", "usr/sbin/nft", "bin/kill",
            ] {
                let script = Data("#!/bin/sh\n".utf8)
                #expect(
                    manager.createFile(
                        atPath: "\(root)/\(program)", contents: script, attributes: [.posixPermissions: 0o755]))
            }
            for file in files {
                try file.content.write(
                    toFile: "\(root)/etc/systemd/system/\(file.path)", atomically: true, encoding: .utf8)
            }
            for file in files {
                let (code, words) = try Tool.run(
                    "/usr/bin/systemd-analyze",
                    ["verify", "--man=no", "--root=" + root, "\(root)/etc/systemd/system/\(file.path)"])
                let ours = words.split(separator: "\n").filter { $0.contains("convoy") }
                #expect(code == 0 && ours.isEmpty, "\(file.path): \(words)")
            }
        }
    }

    private func inDirectory(_ body: (String) throws -> Void) throws {
        let root = "/tmp/convoy-units-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(root)
    }
}
