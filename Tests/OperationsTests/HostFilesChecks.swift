import Fleet
import Foundation
import Glibc
import Testing

@testable import Operations

@Suite(
    "A host's files before the real judges (real parts)",
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct HostFilesChecks {
    /// In a root of its own, which has systemd's units and the programs that ours name, as scripts that do nothing.
    @Test("systemd-analyze verify has nothing to say about any unit of Convoy's", arguments: HostExamples.names)
    func units(_ name: String) throws {
        try inRoot(name) { root, files in
            for path in ["usr/lib/systemd", "usr/lib/convoy", "usr/bin", "usr/sbin", "bin"] {
                try make(root + "/" + path)
            }
            try FileManager.default.createSymbolicLink(atPath: "\(root)/lib", withDestinationPath: "usr/lib")
            for unit in try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/systemd/system") {
                try FileManager.default.copyItem(
                    atPath: "/usr/lib/systemd/system/\(unit)", toPath: "\(root)/usr/lib/systemd/system/\(unit)")
            }
            for program in [
                "usr/bin/convoy", "usr/bin/python3", "usr/lib/convoy/convoy-exec", "usr/sbin/nginx", "usr/sbin/nft",
                "bin/kill",
            ] {
                let script = Data("#!/bin/sh\n".utf8)
                #expect(
                    FileManager.default.createFile(
                        atPath: "\(root)/\(program)", contents: script, attributes: [.posixPermissions: 0o755]))
            }
            let units = files.filter { $0.path.contains("/systemd/system/") }
            #expect(units.count >= 10)
            for unit in units {
                let (code, words) = try run(
                    "/usr/bin/systemd-analyze", ["verify", "--man=no", "--root=" + root, "\(root)/\(unit.path)"])
                let ours = words.split(separator: "\n").filter { $0.contains("convoy") }
                #expect(code == 0 && ours.isEmpty, "\(unit.path): \(words)")
            }
        }
    }

    @Test("systemd takes the users and the directories", arguments: HostExamples.names)
    func usersAndDirectories(_ name: String) throws {
        try inRoot(name) { root, _ in
            try make(root + "/etc")
            let users = try run("/usr/bin/systemd-sysusers", ["--root=" + root, "--dry-run"])
            #expect(users.code == 0 && users.words.contains("convoy-edge"), "\(users.words)")
        }
    }

    @Test("nginx -t accepts the edge", arguments: HostExamples.names)
    func nginx(_ name: String) throws {
        try inRoot(name) { root, files in
            for path in ["run/convoy/edge", "var/lib/convoy/log", "tls"] { try make(root + "/" + path) }
            let made = try run(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=mcp.example.com", "-out", root + "/tls/certificate.pem", "-keyout",
                    root + "/tls/key.pem",
                ])
            #expect(made.code == 0, "\(made.words)")
            let isOwn = name != "include"
            let place = isOwn ? "etc/convoy/edge/current/nginx.conf" : "etc/nginx/conf.d/convoy-shop.conf"
            let file = try #require(files.first { $0.path == place })
            var text = file.content
            for path in ["/run/convoy", "/var/lib/convoy", "/etc/convoy/edge", "/etc/ssl/mcp.pem", "/etc/ssl/mcp.key"] {
                text = text.replacingOccurrences(of: "\"" + path, with: "\"" + root + path)
            }
            try make(root + "/etc/ssl")
            for (from, to) in [("certificate.pem", "mcp.pem"), ("key.pem", "mcp.key")] {
                try FileManager.default.copyItem(atPath: "\(root)/tls/\(from)", toPath: "\(root)/etc/ssl/\(to)")
            }
            let main = root + "/nginx.conf"
            let installed = root + "/etc/convoy/edge/current/tls"
            try make((installed as NSString).deletingLastPathComponent)
            try FileManager.default.copyItem(atPath: root + "/tls", toPath: installed)
            if !isOwn {
                try text.write(toFile: root + "/shop.conf", atomically: true, encoding: .utf8)
                let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(root)/run;" }
                let around = ["include \(root)/shop.conf;"] + paths
                text = "pid \(root)/pid; events {}\nhttp { \(around.joined(separator: "\n")) }\n"
            }
            try text.write(toFile: main, atomically: true, encoding: .utf8)
            let (code, words) = try run("/usr/sbin/nginx", ["-t", "-q", "-c", main, "-p", root, "-e", "stderr"])
            #expect(code == 0, "\(words)")
        }
    }

    /// In a network of its own: `nft -c` asks the kernel.
    @Test("nft -c accepts the rules", .enabled(if: getuid() == 0), arguments: HostExamples.names)
    func firewall(_ name: String) throws {
        try inRoot(name) { root, _ in
            let (code, words) = try run(
                "/usr/bin/unshare", ["-n", "/usr/sbin/nft", "-c", "-f", root + "/etc/convoy/firewall.nft"])
            #expect(code == 0 && words.isEmpty, "\(words)")
        }
    }

    private func inRoot(_ name: String, _ body: (String, [RenderedFile]) throws -> Void) throws {
        let root = "/tmp/convoy-host-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }
        let files = try HostExamples.files(name)
        for file in files {
            let path = root + "/" + file.path
            try make((path as NSString).deletingLastPathComponent)
            try file.content.write(toFile: path, atomically: true, encoding: .utf8)
        }
        try body(root, files)
    }

    private func make(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    private func run(_ executable: String, _ arguments: [String]) throws -> (code: Int32, words: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"]
        try process.run()
        let words = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, words)
    }
}
