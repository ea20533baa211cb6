import Fleet
import Testing

@testable import Rendering

@Suite("Rendering the firewall")
struct FirewallRendererTests {
    static let names = ["empty", "local", "public"]

    private func plan(_ name: String) throws -> FirewallPlan { try #require(UnitExamples.firewalls[name]) }

    @Test("a plan renders the bytes of its golden, whatever the order of ports", arguments: names)
    func golden(_ name: String) throws {
        var plan = try plan(name)
        let file = try FirewallRenderer.render(plan)
        try Golden.expect(file.content, is: "firewall-\(name).nft")
        plan.instancePorts = plan.instancePorts.reversed() + plan.instancePorts
        #expect(try FirewallRenderer.render(plan) == file)
    }

    @Test("no rule is outside Convoy's own table, and nothing is flushed", arguments: names)
    func ownTable(_ name: String) throws {
        let text = try FirewallRenderer.render(plan(name)).content
        let lines = text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        #expect(!lines.contains { $0.contains("flush") })
        let top = lines.filter { !$0.hasPrefix(" ") && $0 != "}" }
        #expect(top == ["table inet convoy", "delete table inet convoy", "table inet convoy {"])
    }

    @Test("ports that are wrong or clash are refused")
    func refused() throws {
        for change: @Sendable (inout FirewallPlan) -> Void in [
            { $0.edge.port = 0 }, { $0.edge.port = 65536 }, { $0.instancePorts.append(0) },
            { $0.instancePorts.append($0.edge.port) }, { $0.database?.ports = [] },
            { $0.database?.ports.append($0.edge.port) }, { $0.database?.ports.append($0.instancePorts[0]) },
            { $0.fleet = "x; flush ruleset" },
        ] {
            var plan = try plan("local")
            change(&plan)
            #expect(throws: Failure.self) { try FirewallRenderer.render(plan) }
        }
    }
}
