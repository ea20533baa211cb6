import Fleet
import Testing

@testable import Planning

@Suite("Whether a host's Convoy may be updated, and is well afterwards")
struct UpdateJudgeTests {
    private func refusals(_ change: (inout UpdateFacts) -> Void) throws -> [String] {
        guard case .refused(let found) = try UpdateSamples.judge().judge(UpdateSamples.facts(change)) else { return [] }
        #expect(found.allSatisfy { !$0.next.isEmpty && $0.what == "cannot update web-1" })
        return found.map(\.why)
    }

    private func health(_ change: (inout UpdateFacts) -> Void = { _ in }) throws -> UpdateJudge.Health {
        try UpdateSamples.judge().health(try UpdateSamples.tried(change), since: UpdateSamples.lasting)
    }

    @Test("a host that serves may; one that has the package needs nothing")
    func good() throws {
        #expect(try UpdateSamples.judge().judge(UpdateSamples.facts()) == .needed)
        #expect(try UpdateSamples.judge().judge(try UpdateSamples.updated()) == .unchanged)
        // The same version from another file is another package.
        let other = try PlanSamples.digest("f")
        let facts = UpdateSamples.facts { ($0.package, $0.packageFile) = ("0.2.0", other) }
        #expect(try UpdateSamples.judge().judge(facts) == .needed)
    }

    @Test("what stands in the way is told, each with a next step")
    func refused() throws {
        #expect(try refusals { $0.package = nil } == ["it has no convoy"])
        #expect(try refusals { $0.architecture = "arm64" } == ["it is arm64, the package is for amd64"])
        #expect(try refusals { $0.room["/var/lib"] = 1 << 20 } == ["/var/lib has 1 MiB left and needs 400 MiB"])
        #expect(
            try refusals { $0.changedFiles = ["/usr/bin/convoy"] }
                == ["/usr/bin/convoy is not as its package brought it"])
        #expect(try refusals { $0.supervisor.isActive = false } == ["its supervisor does not run"])
        #expect(try refusals { $0.fleet = nil } == ["its supervisor does not answer"])
        let ill = try refusals {
            $0.fleet = .init(
                name: "shop", generation: 1, converged: false, complaints: ["analytics-1-g1: its canary fails"])
        }
        #expect(ill == ["its fleet is not whole: analytics-1-g1: its canary fails"])
        let other = try PlanSamples.digest("e")
        let busy = try refusals { $0.trial = .init(digest: other, isInstalled: true, before: UpdateSamples.lasting) }
        #expect(busy == ["another update is under way there"])
    }

    @Test("a host that is in the middle of this very update may go on, though dpkg knows no package then")
    func half() throws {
        #expect(try UpdateSamples.judge().judge(try UpdateSamples.tried { $0.package = nil }) == .needed)
    }

    @Test("a host without a fleet may be updated, too")
    func noFleet() throws {
        let facts = UpdateSamples.facts {
            $0.fleet = .init(name: "", generation: 0, converged: false)
            $0.lasting = .init()
        }
        #expect(try UpdateSamples.judge().judge(facts) == .needed)
        #expect(try UpdateSamples.judge().health(facts, since: facts.lasting) == .healthy)
    }

    @Test("healthy is: the new supervisor answers, all serve, everybody else is who they were, strangers are asked")
    func healthy() throws {
        #expect(try health() == .healthy)
        #expect(try health { $0.supervisor.isActive = false } == .waiting("its supervisor does not run"))
        #expect(try health { $0.supervisor.isCurrent = false } == .waiting("its supervisor does not run"))
        #expect(try health { $0.fleet = nil } == .waiting("its supervisor does not answer"))
        #expect(try health { $0.gate.isCurrent = false } == .waiting("its gate is not the new one yet"))
        #expect(try health { $0.lasting.answer = 502 } == .waiting("its edge answers a stranger with 502"))
        #expect(try health { $0.lasting.answer = nil } == .waiting("its edge answers a stranger with nothing"))
        #expect(try health { $0.fleet?.converged = false } == .waiting("its fleet is not whole"))
        // It forgot what it served.
        let forgetful = try health { $0.fleet = .init(name: "", generation: 0, converged: false) }
        #expect(forgetful == .waiting("its fleet is not whole"))
    }

    @Test("an instance or an edge with another pid is harm, not a matter of time")
    func harmed() throws {
        let unit = "convoy-instance-analytics-2-g1.service"
        #expect(try health { $0.lasting.instances[unit] = 99 } == .harmed("\(unit) was restarted or ended"))
        #expect(try health { $0.lasting.instances[unit] = nil } == .harmed("\(unit) was restarted or ended"))
        #expect(try health { $0.lasting.edge = 99 } == .harmed("its edge was restarted or ended"))
    }

    @Test("facts are one line of JSON among whatever a login says, or none")
    func facts() {
        let line =
            #"{"architecture":"amd64","changedFiles":[],"fleet":null,"gate":{"isActive":false,"isCurrent":false,"#
            + #""pid":0},"isInstalling":false,"lasting":{"answer":null,"edge":null,"hasGate":false,"instances":{"a":1}},"#
            + #""package":"0.1.0","packageFile":null,"room":{"/usr":5},"supervisor":{"isActive":true,"isCurrent":true,"#
            + #""pid":7},"trial":null}"#
        let facts = UpdateFacts(lines: ["welcome", line])
        #expect(facts?.supervisor.pid == 7 && facts?.lasting.instances == ["a": 1] && facts?.room == ["/usr": 5])
        #expect(UpdateFacts(lines: ["welcome", String(line.dropLast(9))]) == nil)
        #expect(UpdateFacts(lines: []) == nil)
    }
}
