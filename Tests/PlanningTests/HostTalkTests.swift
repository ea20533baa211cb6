import Fleet
import Testing

@testable import Planning

@Suite("Talk with a convoy on a host")
struct HostTalkTests {
    private func line(_ reply: HostReply) throws -> String { try reply.line() }

    @Test("a welcome, words on the way, and an answer")
    func answered() throws {
        var talk = HostTalk(host: "web-1", convoy: "0.1.0")
        #expect(talk.hear(try line(.greeting(.welcome, convoy: "0.1.0"))) == .nothing)
        #expect(talk.hear(try line(.word(.step, "staging"))) == .step("staging"))
        #expect(talk.hear(try line(.word(.detail, "2 of 3"))) == .detail("2 of 3"))
        #expect(try talk.answer() == nil)
        #expect(talk.hear(try line(.done(.object(["changed": .bool(true)])))) == .nothing)
        #expect(try talk.answer()?["changed"]?.boolValue == true)
    }

    @Test("a host's failure is the same failure here")
    func failed() throws {
        let failure = Failure(.leaseHeld, "cannot up", because: "somebody is at work", next: "wait\nand \"see\"")
        var talk = HostTalk(host: "web-1", convoy: "0.1.0")
        _ = talk.hear(try line(.greeting(.welcome, convoy: "0.1.0")))
        _ = talk.hear(try line(.failed(failure)))
        #expect(throws: failure) { try talk.answer() }
    }

    @Test("another version, or another protocol, is told with what brings this one")
    func skewed() throws {
        var skewed = HostReply.greeting(.welcome, convoy: "0.1.0")
        skewed.protocol = 2
        for reply in [.greeting(.skewed, convoy: "0.0.9"), .greeting(.welcome, convoy: "0.2.0"), skewed] {
            var talk = HostTalk(host: "web-1", convoy: "0.1.0")
            _ = talk.hear(try line(reply))
            _ = talk.hear(try line(.done(.null)))
            let failure = try #require(throws: Failure.self) { _ = try talk.answer() }
            #expect(failure.next.contains("--package") && failure.code == .unavailable)
        }
    }

    @Test("rubbish before the welcome is passed over; without a welcome nothing is an answer")
    func rubbish() throws {
        var talk = HostTalk(host: "web-1", convoy: "0.1.0")
        for rubbish in ["Welcome to Debian!", "", "{}", "[1,2]", #"{"kind":"done""#, #"{"kind":"other"}"#] {
            #expect(talk.hear(rubbish) == .nothing)
        }
        _ = talk.hear(try line(.done(.null)))
        #expect(try talk.answer() == nil)
        _ = talk.hear(try line(.greeting(.welcome, convoy: "0.1.0")))
        _ = talk.hear(try line(.done(.bool(true))))
        #expect(try talk.answer() == .bool(true))
    }

    @Test("a question is two lines, whatever is in it")
    func question() throws {
        let request = HostRequest(.receive, with: ["archive": "/a\nb\u{2028}c", "digest": "\"\\"])
        let bytes = try HostTalk(host: "a", convoy: "0.1.0").question(request)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(HostHello(line: String(lines[0])) == HostHello(convoy: "0.1.0"))
        #expect(HostRequest(line: String(lines[1])) == request)
    }

    @Test("what a bare host prints is read, and a cut answer is none")
    func facts() throws {
        let digest = String(repeating: "a", count: 64)
        let lines = [
            "system debian 12", "architecture amd64", "systemd 252", "memory 4096", "processors 2",
            "disk /usr 1000 500", "disk /var/lib 2000 -",
            #"listen 0.0.0.0:80 users:(("nginx",pid=52,fd=5),("nginx",pid=51,fd=5))"#,
            "listen [::]:22", "listen-hex 1F90", "edge-pid 51", "nginx 52", "program nft", "python cp311-linux_x86_64",
            "credential-key there", "package 0.1.0", "package-file \(digest)", "release \(digest)", "release .staging",
            "file \(digest) /etc/a file", "table inet filter", "surprise what", "", "clock 1800000000.5",
        ]
        let facts = try #require(HostFacts(lines: lines))
        #expect(facts.system == "debian" && facts.systemVersion == "12" && facts.systemd == 252)
        #expect(facts.freeMemory == 4096 * 1024 && facts.processors == 2)
        #expect(facts.disks["/usr"] == .init(freeBytes: 1_024_000, freeFiles: 500))
        #expect(facts.disks["/var/lib"]?.freeFiles == Int.max)
        #expect(facts.listeners.map(\.port) == [80, 80, 22, 8080])
        #expect(facts.listeners[0].owner == "nginx (pid 52)" && facts.listeners[0].pid == 52)
        #expect(facts.edgePids == [51] && facts.otherNginx == [52] && facts.hasCredentialKey)
        let known = try #require(Digest(hex: digest))
        #expect(facts.releases == [known] && facts.files == ["/etc/a file": known])
        #expect(facts.firewallTables == ["inet filter"] && facts.clock == 1800000000.5)
        #expect(HostFacts(lines: Array(lines.dropLast())) == nil)
    }
}
