import Fleet
import Foundation
import Planning
import Testing
import Units

@testable import Operations

@Suite("Every file that a host gets")
struct HostFilesTests {
    @Test("each file is what it was, to the byte, and says who made it from which wish", arguments: HostExamples.names)
    func goldens(_ name: String) throws {
        let files = try HostExamples.files(name).filter { Units.all["/" + $0.path] == nil }
        try HostGolden.expect(files, are: name)
        let wish = try HostExamples.plan(name).wish.hex
        for file in try HostExamples.files(name) {
            let head = file.content.split(separator: "\n").prefix(4).joined(separator: "\n")
            #expect(head.contains(wish) && head.contains("ade by convoy"), "\(file.path)")
        }
    }

    @Test("equal input gives equal bytes, whatever order dictionaries have", arguments: HostExamples.names)
    func stable(_ name: String) throws {
        let once = try HostExamples.files(name)
        for _ in 0..<20 { #expect(try HostExamples.files(name) == once) }
        #expect(once.map(\.path) == Set(once.map(\.path)).sorted())
    }

    @Test("Convoy's own units, users and directories are all there, unchanged but for a line of their own")
    func units() throws {
        let files = try HostExamples.files("shop")
        for (path, content) in Units.all {
            let file = try #require(files.first { "/" + $0.path == path })
            let lines = file.content.split(separator: "\n", maxSplits: 1)
            #expect(lines[0].hasPrefix("# Made by convoy 9.9.9 for the fleet shop. Wish ") && lines[1] == content)
        }
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../units")
            .resolvingSymlinksInPath().path
        let names = try ["", "/sysusers.d", "/tmpfiles.d"].flatMap { below in
            try FileManager.default.contentsOfDirectory(atPath: folder + below)
        }.filter { [".service", ".socket", ".conf"].contains(where: $0.hasSuffix) }
        #expect(names.count == Units.all.count)
    }

    @Test("what the edge and the gate are told is what the supervisor tells them once the fleet is up")
    func asSupervised() async throws {
        let world = FakeWorld()
        let spec = Samples.spec { $0.pools[0].limits = LimitsSpec(rate: RateLimit(perSecond: 2, burst: 9), body: 4096) }
        let fleet = world.newOperator(spec)
        _ = try await world.run { try await fleet.up() }
        let plan = try #require(try await world.ledger().current)
        let files = HostFiles(plan: plan, layout: world.layout, units: [:], maker: "convoy 9.9.9")
        let edge = try #require(try files.edge().first).content.split(separator: "\n", maxSplits: 1)
        #expect(world.edge.text.contains(edge[1]))
        func policy(_ text: String?) throws -> GatePolicy {
            try JSONDecoder().decode(GatePolicy.self, from: Data(try #require(text).utf8))
        }
        var told = try policy(world.disk[world.layout.gatePolicy])
        let rendered = try policy(files.policy().content)
        (told.revision, told.issuers, told.pools[0].comparesHeaders) = (1, rendered.issuers, false)
        #expect(rendered == told)
    }

    @Test("an issuer's keys that are not there stop the rendering; those that are fetched do not")
    func keys() throws {
        let issuer = IssuerSpec(url: "https://login.example.com", keys: .file("/etc/keys.json"))
        var plan = try HostExamples.plan("shop")
        plan.edge.authorization = .issuers([issuer])
        let failure = #expect(throws: Failure.self) {
            try HostFiles(plan: plan, units: [:], maker: "convoy").files()
        }
        #expect(failure?.code == .unavailable && failure?.why.contains("/etc/keys.json") == true)
        let known = HostFiles(
            plan: plan, units: [:], maker: "convoy", keys: ["/etc/keys.json": .object(["keys": .null])])
        #expect(try known.policy().content.contains(#""jwks""#))
    }

    @Test("what an instance may take of its host is in its unit: the pool's word, else the server's, else our own")
    func resources() throws {
        var plan = try HostExamples.plan("include")
        plan.origin.spec.server.resources = ResourcesSpec(memory: 512 << 20, cpu: 200)
        plan.origin.spec.pools[1].resources = ResourcesSpec(memory: 1 << 30, tasks: 64)
        let files = HostFiles(plan: plan, units: [:], maker: "convoy 9.9.9")
        func unit(_ name: String) throws -> [Substring] {
            let file = try #require(try files.files().first { $0.path.contains("instance-\(name)") })
            return file.content.split(separator: "\n")
        }
        let (ours, theirs) = (try unit("analytics-1"), try unit("books-1"))
        #expect(["MemoryMax=536870912", "TasksMax=512", "CPUQuota=200%"].allSatisfy { ours.contains(Substring($0)) })
        #expect(["MemoryMax=1073741824", "TasksMax=64", "CPUQuota=200%"].allSatisfy { theirs.contains(Substring($0)) })
    }

    @Test("with the edge's user known the firewall names it, and stands in for nobody")
    func edgeUser() throws {
        var files = try HostExamples.host("shop")
        #expect(try files.firewall().content.contains("65534 stands in for the user convoy-edge"))
        files.edgeUser = 997
        let rules = try files.firewall().content
        #expect(rules.contains("{ 0, 997 }") && !rules.contains("65534 "))
    }
}

/// Small fleets, as they are rendered for a host.
enum HostExamples {
    static let names = ["shop", "include"]

    static func host(_ name: String) throws -> HostFiles {
        HostFiles(plan: try plan(name), units: Units.all, maker: "convoy 9.9.9")
    }

    static func files(_ name: String) throws -> [RenderedFile] { try host(name).files() }

    static func plan(_ name: String) throws -> GenerationPlan {
        let layout = FleetLayout(root: "/")
        let spec = Samples.spec {
            $0.database?.uri = "mongodb://10.0.0.11,db2.example.com/?replicaSet=rs0"
            $0.edge.url = "https://mcp.example.com"
            $0.edge.listen = EdgeSpec.Listen(address: "0.0.0.0", port: 443)
            $0.edge.tls = EdgeSpec.TLS(certificate: "/etc/ssl/mcp.pem", key: "/etc/ssl/mcp.key")
            $0.edge.authorization = .issuers([IssuerSpec(url: "https://login.example.com", keys: .discover)])
            $0.pools[0].replicas = 2
            guard name == "include" else { return }
            $0.edge.mode = .include
            $0.database?.uri = "mongodb://127.0.0.1:27017/"
            $0.database?.sharedWith = ["backup"]
            $0.pools.append(
                PoolSpec(name: "books", replicas: 1, databases: [Samples.shop], scope: "mcp:books"))
        }
        let release = InstalledRelease(
            reference: spec.server.release, digest: try digest("b"),
            tree: layout.releases + "/" + String(repeating: "b", count: 64) + "/tree")
        let command = ReleaseCommand(
            executable: "/usr/bin/python3", arguments: ["-I", "launch.py", "tiny"], environment: ["TINY": "1"])
        return try GenerationPlanner(
            spec: spec, profile: Samples.profile, release: release, command: command, layout: layout, host: "web-1"
        ).plan(number: 1, current: nil)
    }
}

/// A host's files in `Goldens/NAME/`; CONVOY_UPDATE_GOLDENS=1 takes what is rendered now for right.
enum HostGolden {
    static func expect(_ files: [RenderedFile], are name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name)")
        let manager = FileManager.default
        if ProcessInfo.processInfo.environment["CONVOY_UPDATE_GOLDENS"] == "1" {
            try? manager.removeItem(at: folder)
            for file in files {
                let url = folder.appending(path: file.path)
                try manager.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try file.content.write(to: url, atomically: true, encoding: .utf8)
            }
        }
        for file in files {
            let golden = try String(contentsOf: folder.appending(path: file.path), encoding: .utf8)
            #expect(file.content == golden, "\(file.path)")
        }
        let kept = try #require(manager.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey]))
            .compactMap { $0 as? URL }
            .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
        #expect(kept.count == files.count)
    }
}
