import Fleet
import Foundation
import Glibc
import Ports
import Synchronization
import Testing

@testable import Planning
@testable import Systemd

@Suite("Our daemons' own lines")
struct JournalLogTests {
    private func written(_ form: JournalLog.Form?, environment: [String: String] = [:]) -> (JournalLog.Form, String) {
        let text = Mutex("")
        let log = JournalLog(
            daemon: "gate", form: form, fields: [JournalField.fleet: "shop"], environment: environment,
            now: { Date(timeIntervalSince1970: 1.5) }, write: { line in text.withLock { $0 += line } })
        log.write("it \"serves\"", .notice, [JournalField.instance: "a-1-g1"])
        return (log.form, text.withLock(\.self))
    }

    @Test("text has a time and the message, JSON the fields too")
    func forms() {
        #expect(written(.text).1 == "1970-01-01T00:00:01.500Z it \"serves\"\n")
        let json = #"{"CONVOY_FLEET":"shop","CONVOY_INSTANCE":"a-1-g1","daemon":"gate","message":"it \"serves\"","#
        #expect(written(.json).1 == json + #""priority":"notice","time":"1970-01-01T00:00:01.500Z"}"# + "\n")
    }

    @Test("the journal is chosen when standard error truly goes there, not when somebody's announcement was inherited")
    func choice() throws {
        var status = stat()
        try #require(fstat(STDERR_FILENO, &status) == 0)
        let own = "\(status.st_dev):\(status.st_ino)"
        #expect(JournalLog.isJournal(["JOURNAL_STREAM": own]))
        for other in ["1:2", "", "x:y", own + ":1", "\(status.st_dev):\(status.st_ino + 1)"] {
            #expect(!JournalLog.isJournal(["JOURNAL_STREAM": other]))
        }
        #expect(written(nil).0 == .text)
        #expect(written(nil, environment: ["CONVOY_LOG": "json"]).0 == .json)
    }
}

@Suite("Which lines of the journal are wanted")
struct JournalQueryTests {
    private func line(_ unit: String, systemd: Bool = false) -> JournalLine {
        JournalLine(time: 1, unit: UnitName(unit), isFromSystemd: systemd, message: "m")
    }

    @Test("a pool's own lines, and systemd's words about its instances, but not about another pool's")
    func pool() {
        let query = JournalQuery(fleet: "shop", sources: [.pool("a")])
        #expect(query.matches == [["CONVOY_FLEET=shop", "CONVOY_POOL=a"], ["_PID=1"]])
        #expect(query.wants(line("convoy-instance-a-1-g2.service")))
        #expect(query.wants(line("convoy-instance-a-1-g2.service", systemd: true)))
        #expect(!query.wants(line("convoy-instance-a-b-1-g2.service", systemd: true)))
        #expect(!query.wants(line("convoy-gate.service", systemd: true)))
        #expect(!query.wants(line("ssh.service", systemd: true)))
    }

    @Test("one instance, one daemon")
    func single() {
        let query = JournalQuery(fleet: "shop", sources: [.instance("a-1-g2")])
        #expect(
            query.matches == [
                ["CONVOY_FLEET=shop", "CONVOY_INSTANCE=a-1-g2"], ["_PID=1", "UNIT=convoy-instance-a-1-g2.service"],
            ])
        let gate = JournalQuery(fleet: "shop", sources: [.daemon("gate")])
        #expect(gate.matches == [["_SYSTEMD_UNIT=convoy-gate.service"], ["_PID=1", "UNIT=convoy-gate.service"]])
    }

    @Test("lines that others wrote with our fields do not count")
    func forged() {
        for query in [JournalQuery(fleet: "shop"), JournalQuery(fleet: "shop", sources: [.pool("a")])] {
            #expect(!query.wants(line("user@1000.service")))
            #expect(query.wants(line("convoy-instance-a-1-g2.service")))
        }
    }

    @Test("lines are named by instance or daemon")
    func sources() {
        #expect(line("convoy-gate.service").source == "gate")
        #expect(line("convoy-instance-a-1-g2.service", systemd: true).source == "a-1-g2")
    }
}

extension OnSystemdHost {
    @Suite("The journal", .serialized)
    struct JournalTests {
        private let id = "talk-1-g1"
        private let began = Date().timeIntervalSince1970 - 0.001

        private func talker(_ script: String) -> ProcessPlan {
            SystemdHost.plan(
                id, "/bin/sh -c '\(script)'",
                service: """
                    LogExtraFields=CONVOY_FLEET=shop CONVOY_POOL=talk CONVOY_INSTANCE=\(id) CONVOY_GENERATION=1
                    """)
        }

        @Test("an instance's lines are followed as it writes them, with its pool, and systemd's word on its death")
        func follows() async throws {
            let backend = try SystemdHost.backend()
            let query = JournalQuery(fleet: "shop", sources: [.pool("talk")], since: began, follows: true)
            var lines = JournalReader().lines(query).makeAsyncIterator()
            let record = try await backend.start(talker("echo one; echo two >&2; exec sleep infinity"))
            let one = try #require(try await next(&lines) { $0.message == "one" })
            #expect(one.pool == "talk" && one.instance == id && one.generation == 1 && one.source == id)
            #expect(try await next(&lines) { !$0.isFromSystemd }?.message == "two")
            kill(record.pid, SIGKILL)
            let death = try await next(&lines) { $0.isFromSystemd && $0.message.contains("code=killed") }
            #expect(death?.source == id && (death?.priority ?? 9) <= 5)
            await backend.retire(id)
        }

        @Test("the last lines, the lines since a time, and those of one instance only")
        func past() async throws {
            let backend = try SystemdHost.backend()
            let record = try await backend.start(talker("for i in 1 2 3 4 5; do echo $i; done; exec sleep infinity"))
            let follow = JournalQuery(fleet: "shop", sources: [.instance(id)], since: began, follows: true)
            var lines = JournalReader().lines(follow).makeAsyncIterator()
            let three = try #require(try await next(&lines) { $0.message == "3" })
            _ = try #require(try await next(&lines) { $0.message == "5" })
            let all = try await collect(JournalQuery(fleet: "shop", sources: [.instance(id)], since: began))
            #expect(all.filter { !$0.isFromSystemd }.map(\.message) == ["1", "2", "3", "4", "5"])
            let last = try await collect(JournalQuery(fleet: "shop", sources: [.instance(id)], last: 2))
            #expect(last == Array(all.suffix(2)))
            let recent = try await collect(JournalQuery(fleet: "shop", sources: [.instance(id)], since: three.time))
            #expect(recent == all.filter { $0.time >= three.time })
            let later = JournalQuery(fleet: "shop", since: (all.last?.time ?? 0) + 0.001)
            #expect(try await collect(later).filter { $0.source == id } == [])
            let others = try await collect(JournalQuery(fleet: "other", sources: [.pool("talk")], last: 5))
            #expect(others.allSatisfy { $0.isFromSystemd })
            await backend.signal(record, .term, wholeGroup: true)
            await backend.retire(id)
        }

        @Test("following from the end tells what comes after the last lines, nothing twice, nothing left out")
        func tailAndFollow() async throws {
            let backend = try SystemdHost.backend()
            let pipe = "/run/convoy-test-talk"
            try #require(mkfifo(pipe, 0o600) == 0)
            defer { unlink(pipe) }
            _ = try await backend.start(talker("echo a; echo b; echo c; while :; do cat \(pipe); done"))
            try await until { try await collect(query(last: 9)).contains { $0.message == "c" } }
            let known = try await collect(query(last: 2))
            var lines = JournalReader().lines(query(last: 2, follows: true)).makeAsyncIterator()
            for line in known { #expect(try await lines.next() == line) }
            try "d\n".write(toFile: pipe, atomically: false, encoding: .utf8)
            #expect(try await lines.next()?.message == "d")
            await backend.retire(id)
        }

        @Test("a daemon's line arrives with its fields, whatever characters it holds")
        func sends() async throws {
            let mark = "mark-\(UInt64.random(in: 0 ... .max))"
            let log = JournalLog(daemon: "gate", form: .journal, fields: [JournalField.fleet: "shop"])
            log.write("\(mark) two\nlines = \u{1F6A2}", .warning, [JournalField.instance: id])
            try await until { try await SystemdHost.run("journalctl", "-q", "-g", mark) != "" }
            let said = try await SystemdHost.run("journalctl", "-q", "-g", mark, "-o", "json")
            let entry = try JSONDecoder().decode(JSONValue.self, from: Data(said.utf8))
            #expect(entry["MESSAGE"] == .string("\(mark) two\nlines = \u{1F6A2}"))
            #expect(entry["PRIORITY"] == .string("4") && entry["SYSLOG_IDENTIFIER"] == .string("convoy-gate"))
            #expect(entry[JournalField.fleet] == .string("shop") && entry[JournalField.instance] == .string(id))
            #expect(entry["CODE_FILE"] == nil)
        }

        private func query(last: Int, follows: Bool = false) -> JournalQuery {
            JournalQuery(fleet: "shop", sources: [.pool("talk")], since: began, last: last, follows: follows)
        }

        private func next(
            _ lines: inout AsyncThrowingStream<JournalLine, any Error>.Iterator, _ wanted: (JournalLine) -> Bool
        ) async throws -> JournalLine? {
            while let line = try await lines.next() { if wanted(line) { return line } }
            return nil
        }

        private func collect(_ query: JournalQuery) async throws -> [JournalLine] {
            try await JournalReader().lines(query).reduce(into: []) { $0.append($1) }
        }
    }
}
