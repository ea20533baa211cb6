import Fleet
import Foundation
import Glibc
import Rendering
import Testing

@testable import Edge

@Suite(
    "A file within the nginx that Debian installs (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct IncludeEdgeTests {
    @Test("the file is taken by a running stock nginx without a restart, and serves beside its other sites")
    func serves() async throws {
        try await withStockNginx { (lab, edge, site) async throws in
            #expect(try await edge.install(try files(lab)))
            #expect(try await !edge.install(try files(lab)))
            try await lab.connectable(lab.plan.edge.listen.port)
            let opened = try lab.call(EdgeLab.Call(body: #"{"method":"initialize"}"#))
            #expect(opened.status == 200 && opened.values("Mcp-Session-Id").first?.hasPrefix("a") == true)
            #expect(lab.registered().count == 1)
            #expect(opened.body.contains(#"["X-Convoy-Secret", "s3cret"]"#))
            #expect(try lab.call(EdgeLab.Call(headers: [])).status == 401)
            // A site of its own keeps what it had.
            var own = EdgeLab.Call(method: "GET", path: "/", headers: [], body: nil)
            own = own.with("Host", "own.example")
            let answer = try lab.calls([own], port: site)[0]
            #expect(answer.status == 200 && answer.body == "own site")
            #expect(try await !lab.accessLog(with: #""pool":"analytics""#).contains("own.example"))
        }
    }

    @Test("gixy finds nothing of ours in it")
    func gixy() async throws {
        let parts = try #require(ProcessInfo.processInfo.environment["CONVOY_PARTS"])
        try await withStockNginx { (lab, edge, _) async throws in
            _ = try await edge.install(try files(lab))
            let report = lab.root + "/gixy.json"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: parts + "/lint/bin/gixy")
            process.arguments = ["-f", "json", "-o", report, lab.root + "/nginx/nginx.conf"]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            let found = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: report)))
            let ours = (found as? [[String: Any]] ?? [["": ""]]).filter { "\($0)".contains("convoy_") }
            #expect(ours.isEmpty, "\(ours)")
        }
    }

    @Test("what that nginx refuses is taken back, and what ran before goes on")
    func takesBack() async throws {
        try await withStockNginx { (lab, edge, _) async throws in
            _ = try await edge.install(try files(lab))
            let included = lab.root + "/nginx/conf.d/convoy-shop.conf"
            let before = try String(contentsOfFile: included, encoding: .utf8)
            // By itself it is right; beside the same fleet's own upstreams it is not.
            try before.write(toFile: lab.root + "/nginx/conf.d/twin.conf", atomically: true, encoding: .utf8)
            lab.plan.pools[0].bodyLimit = 1000
            let failure = await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(failure?.why.contains("duplicate") == true)
            #expect(try String(contentsOfFile: included, encoding: .utf8) == before)
            try FileManager.default.removeItem(atPath: lab.root + "/nginx/conf.d/twin.conf")
            let broken = [RenderedFile(path: "nginx.conf", content: "nonsense on;\n")]
            await #expect(throws: Failure.self) { _ = try await edge.install(broken) }
            #expect(try String(contentsOfFile: included, encoding: .utf8) == before)
            #expect(try lab.call().status == 200)
        }
    }

    @Test("a first file that is refused leaves nothing, and a file of somebody else's is never replaced")
    func leavesNothing() async throws {
        try await withStockNginx { (lab, edge, _) async throws in
            let included = lab.root + "/nginx/conf.d/convoy-shop.conf"
            let clash = lab.root + "/nginx/conf.d/clash.conf"
            try "upstream convoy_shop_gate { server 127.0.0.1:1; }\n".write(
                toFile: clash, atomically: true, encoding: .utf8)
            await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(EdgeFile.mode(included) == nil)
            try FileManager.default.moveItem(atPath: clash, toPath: included)
            let failure = await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(failure?.why.contains("not this fleet's") == true)
            try FileManager.default.removeItem(atPath: included)
            #expect(try await edge.install(try files(lab)))
        }
    }

    @Test("it is never ours to start; one that does not run is named, and gets nothing")
    func notRunning() async throws {
        try await withStockNginx { (lab, edge, _) async throws in
            #expect(!edge.isOwnProcess && edge.master() == lab.pid("stock"))
            await #expect(throws: Failure.self) { _ = try await edge.process() }
            lab.kill("stock")
            #expect(edge.master() == nil)
            let failure = await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(failure?.code == .unavailable && failure?.next.contains("systemctl") == true)
            #expect(EdgeFile.mode(lab.root + "/nginx/conf.d/convoy-shop.conf") == nil)
        }
    }

    @Test("taken away, that nginx lets go of our port and goes on with its own sites; a stream ends in peace")
    func remove() async throws {
        try await withStockNginx { (lab, edge, site) async throws in
            try await edge.remove()
            _ = try await edge.install(try files(lab))
            try await lab.connectable(lab.plan.edge.listen.port)
            let master = edge.master()
            let stream = try lab.begin([EdgeLab.Call(body: #"{"method":"stream","pause":1}"#, announce: true)])
            lab.firstBytes(of: stream)
            try await edge.remove()
            #expect(EdgeFile.mode(lab.root + "/nginx/conf.d/convoy-shop.conf") == nil)
            let streamed = try lab.finish(stream)[0]
            let log = try? String(contentsOfFile: lab.logs + "/stock/error.log", encoding: .utf8)
            #expect(streamed.status == 200 && streamed.body.contains("data: last a"), "\(streamed.body) \(log ?? "")")
            try await lab.unconnectable(lab.plan.edge.listen.port)
            #expect(edge.master() == master)
            let own = EdgeLab.Call(method: "GET", path: "/", headers: [], body: nil)
            #expect(try lab.calls([own], port: site)[0].body == "own site")
            try await edge.remove()
            #expect(try await edge.install(try files(lab)))
        }
    }

    @Test("a file that nginx does not include is told, and a port that is taken; neither leaves anything")
    func notTaken() async throws {
        try await withStockNginx { (lab, edge, site) async throws in
            let lost = self.edge(lab, lab.root + "/nginx/lost.conf")
            var failure = await #expect(throws: Failure.self) { _ = try await lost.install(try files(lab)) }
            #expect(failure?.why.contains("does not read") == true)
            #expect(EdgeFile.mode(lab.root + "/nginx/lost.conf") == nil)
            // nginx -t lets a taken port pass; the reload does not.
            lab.plan.edge.listen.port = lab.port("a1")
            lab.plan.pools[0].slots.removeFirst()
            failure = await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(failure?.next.contains("port is taken") == true)
            #expect(EdgeFile.mode(lab.root + "/nginx/conf.d/convoy-shop.conf") == nil)
            let own = EdgeLab.Call(method: "GET", path: "/", headers: [], body: nil)
            #expect(try lab.calls([own], port: site)[0].status == 200)
        }
    }

    @Test("the gate is for that nginx's workers, who must get through to it", .enabled(if: getuid() == 0))
    func workers() async throws {
        try await withStockNginx { (lab, edge, _) async throws in
            let workers = try #require(try edge.workers())
            let user = try #require(getpwnam("www-data"))
            #expect(workers.user == user.pointee.pw_uid && workers.group == user.pointee.pw_gid)
            chmod(lab.root, 0o700)
            defer { chmod(lab.root, 0o755) }
            let failure = await #expect(throws: Failure.self) { _ = try await edge.install(try files(lab)) }
            #expect(failure?.why.contains("do not get through \(lab.root)") == true)
        }
    }

    @Test(
        "the process id is where nginx.conf says, else where Debian has it",
        arguments: [
            ("user www-data;\npid /run/other.pid;\n", "/run/other.pid"), ("pid \"/run/a.pid\" ;", "/run/a.pid"),
            ("# pid /run/no.pid;\n", "/run/nginx.pid"), ("pid logs/nginx.pid;", "/run/nginx.pid"),
        ])
    func pidFile(_ text: String, _ path: String) { #expect(StockNginx.pidFile(in: text) == path) }

    @Test("an installed certificate serves there too, and is checked before it stands where it will be read")
    func tls() async throws {
        try await withStockNginx { (lab, edge, _) async throws in
            let certificates = try TestCertificates(in: lab.root)
            let server = try certificates.server("server")
            let tls = EdgeSpec.TLS(certificate: server.certificate, key: server.key)
            lab.plan.edge.url = "https://127.0.0.1:\(lab.plan.edge.listen.port)"
            lab.plan.edge.tls = tls
            lab.plan.installsCertificate = true
            lab.clientArguments = ["tls"]
            let installed = InstalledCertificate(configuration: lab.plan.paths.configuration)
            let pair = try installed.pair(of: tls, host: "127.0.0.1", now: Date().timeIntervalSince1970 + 60)
            // Without its key nginx refuses the whole, before anything is in place.
            await #expect(throws: Failure.self) {
                _ = try await edge.install(try files(lab) + pair.files.prefix(1))
            }
            #expect(EdgeFile.mode(lab.plan.paths.configuration + "/current") == nil)
            #expect(try await edge.install(try files(lab) + pair.files))
            try await lab.connectable(lab.plan.edge.listen.port)
            #expect(try lab.call().status == 200)
            let key = lab.plan.paths.configuration + "/current/tls/key.pem"
            #expect(EdgeFile.mode(key) == 0o600)
        }
    }

    private func edge(_ lab: EdgeLab, _ includeFile: String) -> IncludeEdge {
        IncludeEdge(
            configuration: lab.plan.paths.configuration, includeFile: includeFile,
            gateSocket: lab.plan.paths.gateSocket)
    }

    private func files(_ lab: EdgeLab) throws -> [RenderedFile] {
        try EdgeRenderer.render(lab.plan) + [EdgeRenderer.headerSecret(Secret("s3cret"), of: "analytics")]
    }

    /// Debian's own nginx.conf to the letter, apart from where its files are.
    private func withStockNginx(_ body: (EdgeLab, IncludeEdge, _ site: Int) async throws -> Void) async throws {
        let lab = try EdgeLab(slots: ["a1", "a2"])
        let site = try EdgeLab.freePorts(1)[0]
        defer { lab.stop() }
        for directory in ["conf.d", "sites-enabled"] {
            try EdgeFile.makeDirectory("\(lab.root)/nginx/\(directory)", mode: 0o755, owner: nil)
        }
        var text = try String(contentsOfFile: "/etc/nginx/nginx.conf", encoding: .utf8)
        for (stock, ours) in [
            ("/etc/nginx/conf.d", "\(lab.root)/nginx/conf.d"),
            ("/etc/nginx/sites-enabled", "\(lab.root)/nginx/sites-enabled"),
            ("/run/nginx.pid", "\(lab.root)/stock.pid"), ("/var/log/nginx", lab.logs + "/stock"),
        ] {
            text = text.replacingOccurrences(of: stock, with: ours)
        }
        try EdgeFile.makeDirectory(lab.logs + "/stock", mode: 0o755, owner: nil)
        let main = lab.root + "/nginx/nginx.conf"
        try text.write(toFile: main, atomically: true, encoding: .utf8)
        try "server { listen 127.0.0.1:\(site) default_server; location / { return 200 'own site'; } }\n".write(
            toFile: lab.root + "/nginx/sites-enabled/own", atomically: true, encoding: .utf8)
        lab.plan.edge.mode = .include
        try await lab.start(edge: nil)
        try lab.launch(
            "stock", "/usr/sbin/nginx", ["-c", main, "-g", "daemon off;", "-e", lab.logs + "/stock/early.log"])
        try await lab.connectable(site)
        let edge = edge(lab, lab.root + "/nginx/conf.d/convoy-shop.conf")
        try await body(lab, edge, site)
    }
}
