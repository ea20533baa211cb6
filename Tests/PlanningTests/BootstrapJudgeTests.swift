import Fleet
import Testing

@testable import Planning

@Suite("What a bootstrap finds")
struct BootstrapJudgeTests {
    private func judge(
        _ facts: HostFacts, delay: Double = 0, _ change: (inout BootstrapWish) -> Void = { _ in }
    ) throws -> BootstrapJudge.Finding {
        try BootstrapJudge(BootstrapSamples.host, BootstrapSamples.wish(change))
            .judge(facts, now: BootstrapSamples.now, delay: delay)
    }

    @Test("a bare host is to get everything, and Debian's nginx kept quiet")
    func bare() throws {
        #expect(
            try judge(BootstrapSamples.bare()) == .changes([.quietNginx, .package, .credentialKey, .release, .files]))
    }

    @Test("an nginx that was there before is left to its administrator")
    func nginxThere() throws {
        let facts = BootstrapSamples.bare { $0.programs.insert("nginx") }
        #expect(try judge(facts) == .changes([.package, .credentialKey, .release, .files]))
    }

    @Test("what is done is not done again")
    func done() throws {
        #expect(try judge(BootstrapSamples.done()) == .changes([]))
    }

    @Test("only what differs is changed")
    func differences() throws {
        let other = try PlanSamples.digest("e")
        let file = try BootstrapSamples.done { $0.files = [BootstrapSamples.yaml: other] }
        #expect(try judge(file) == .changes([.files]))
        #expect(try judge(BootstrapSamples.done { $0.releases = [] }) == .changes([.release]))
        #expect(try judge(BootstrapSamples.done { $0.hasCredentialKey = false }) == .changes([.credentialKey]))
        // The same version of other bytes, and one that was cut before it left its mark.
        #expect(try judge(BootstrapSamples.done { $0.packageFile = other }) == .changes([.package]))
        #expect(try judge(BootstrapSamples.done { $0.packageFile = nil }) == .changes([.package]))
        // Without a file to bring, the same version is enough.
        #expect(try judge(BootstrapSamples.done { $0.packageFile = nil }) { $0.package = nil } == .changes([]))
    }

    static let obstacles: [(@Sendable (inout HostFacts) -> Void, String)] = [
        ({ $0.system = "ubuntu" }, "ubuntu"), ({ $0.systemVersion = "11" }, "debian 11"),
        ({ $0.system = "" }, "unknown system"), ({ $0.architecture = "arm64" }, "arm64"),
        ({ $0.systemd = nil }, "systemd does not run it"), ({ $0.systemd = 247 }, "its systemd is 247"),
        ({ $0.clock = BootstrapSamples.now + 1200 }, "ahead of"),
        ({ $0.clock = BootstrapSamples.now - 1200 }, "behind"),
        ({ $0.disks["/var/lib"] = .init(freeBytes: 1 << 20, freeFiles: 99999) }, "/var/lib has 1 MiB left"),
        ({ $0.disks["/usr"] = .init(freeBytes: 1 << 40, freeFiles: 3) }, "no inodes"),
        ({ $0.freeMemory = 32 << 20 }, "32 MiB of memory"),
        ({ $0.programs.remove("systemd-creds") }, "systemd-creds"), ({ $0.programs.remove("apt-get") }, "apt-get"),
        ({ $0.python = "cp313-linux_x86_64" }, "cp313"),
        ({ $0.listeners.append(.init(port: 443, owner: "apache2 (pid 7)", pid: 7)) }, "443, the edge's, is taken by"),
        ({ $0.listeners.append(.init(port: 42007, owner: "redis (pid 8)", pid: 8)) }, "42007, one of the instances'"),
        ({ $0.otherNginx = [77] }, "another nginx runs there (pid 77)"),
    ]

    @Test("each thing that stands in the way is named before anything is changed", arguments: 0..<obstacles.count)
    func obstacle(index: Int) throws {
        let (change, words) = Self.obstacles[index]
        let facts = BootstrapSamples.bare(change)
        guard case .refused(let failures) = try judge(facts) else {
            Issue.record("not refused: \(words)")
            return
        }
        #expect(failures.count == 1)
        let failure = try #require(failures.first)
        #expect(failure.why.contains(words), "\(failure.why)")
        #expect(failure.what.contains("web-1") && !failure.next.isEmpty)
    }

    @Test("a program that starts the release, and that no package brings, has to be there")
    func interpreter() throws {
        let missing = try judge(BootstrapSamples.bare()) { $0.programs = [DebianPrograms.node] }
        guard case .refused(let failures) = missing else {
            Issue.record("not refused: \(missing)")
            return
        }
        #expect(failures.count == 1 && failures.first?.why.contains("it has no /usr/bin/node") == true)
        let there = BootstrapSamples.bare { $0.programs.insert(DebianPrograms.node) }
        #expect(try judge(there) { $0.programs = [DebianPrograms.node] } == judge(BootstrapSamples.bare()))
    }

    @Test("all obstacles are told at once")
    func all() throws {
        let facts = BootstrapSamples.bare { facts in
            facts.otherNginx = [77]
            facts.systemd = nil
            facts.clock = 0
        }
        guard case .refused(let failures) = try judge(facts) else {
            Issue.record("not refused")
            return
        }
        #expect(failures.count == 3)
    }

    @Test("a slow answer is no skew, and neither is a small one")
    func clock() throws {
        let slow = BootstrapSamples.bare { $0.clock = BootstrapSamples.now - 40 }
        #expect(try judge(slow, delay: 45) != judge(slow, delay: 0))
        guard case .changes = try judge(slow, delay: 45) else {
            Issue.record("refused")
            return
        }
        guard case .changes = try judge(BootstrapSamples.bare { $0.clock = BootstrapSamples.now + 29 }) else {
            Issue.record("refused")
            return
        }
    }

    @Test("the edge's own nginx is none of others, nor a port that it takes")
    func ownEdge() throws {
        #expect(try judge(BootstrapSamples.done { $0.otherNginx = [77] }) == .changes([]))
        let stranger = try BootstrapSamples.done { $0.edgePids = [] }
        guard case .refused = try judge(stranger) else {
            Issue.record("not refused")
            return
        }
    }

    private static let withNginx = BootstrapSamples.bare {
        $0.otherNginx = [77]
        $0.programs.insert("nginx")
        $0.directories = ["/etc/nginx/conf.d"]
        // It has the edge's port already, for sites of its own.
        for pid: Int32 in [77, 78] { $0.listeners.append(.init(port: 443, owner: "nginx (pid \(pid))", pid: pid)) }
    }

    @Test("another nginx is what mode: include wants, and it is left to its administrator")
    func include() throws {
        let finding = try judge(Self.withNginx) { $0.spec.edge.mode = .include }
        #expect(finding == .changes([.package, .credentialKey, .release, .files]))
        let asked = try BootstrapSamples.wish { $0.spec.edge.mode = .include }.askedFiles
        #expect(asked.contains("/etc/nginx/conf.d"))
    }

    static let withoutNginx: [(@Sendable (inout HostFacts) -> Void, String)] = [
        ({ $0.otherNginx = [] }, "no nginx of its own runs there"),
        ({ $0.directories = [] }, "there is no directory /etc/nginx/conf.d"),
        ({ $0.listeners.append(.init(port: 443, owner: "apache2 (pid 7)", pid: 7)) }, "taken by apache2 (pid 7)"),
    ]

    @Test("mode: include without an nginx that can have the file is refused", arguments: 0..<withoutNginx.count)
    func noNginx(index: Int) throws {
        let (change, words) = Self.withoutNginx[index]
        var facts = Self.withNginx
        change(&facts)
        guard case .refused(let failures) = try judge(facts, { $0.spec.edge.mode = .include }) else {
            Issue.record("not refused")
            return
        }
        #expect(failures.count == 1 && failures.first?.why.contains(words) == true, "\(failures)")
    }

    @Test("without a package to bring, a host must have this convoy")
    func noPackage() throws {
        for facts in [BootstrapSamples.bare(), try BootstrapSamples.done { $0.package = "0.0.9" }] {
            guard case .refused(let failures) = try judge(facts, { $0.package = nil }) else {
                Issue.record("not refused")
                return
            }
            #expect(failures.first?.next.contains("--package") == true)
        }
    }

    @Test("files that only the host has must be there")
    func ownFiles() throws {
        let path = "/etc/ssl/mcp.pem"
        guard case .refused(let failures) = try judge(BootstrapSamples.bare(), { $0.ownFiles = [path] }) else {
            Issue.record("not refused")
            return
        }
        #expect(failures.first?.why.contains(path) == true)
    }

    private func judge(
        _ facts: HostFacts, _ change: (inout BootstrapWish) -> Void
    ) throws -> BootstrapJudge.Finding { try judge(facts, delay: 0, change) }
}
