import Fleet
import Foundation
import Testing

@testable import Rendering

@Suite("Rendering the edge")
struct EdgeRendererTests {
    @Test("a plan renders the bytes of its golden", arguments: PlanExamples.names)
    func golden(_ name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Goldens/\(name).conf")
        let rendered = try EdgeRenderer.render(PlanExamples.plan(name))
        #expect(rendered.map(\.path) == [EdgeRenderer.mainFile])
        if ProcessInfo.processInfo.environment["CONVOY_UPDATE_GOLDENS"] == "1" {
            try rendered[0].content.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(rendered[0].content == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test("equal plans render equal bytes, whatever the order of pools and slots", arguments: PlanExamples.names)
    func stable(_ name: String) throws {
        let plan = PlanExamples.plan(name)
        var shuffled = plan
        shuffled.pools.reverse()
        for index in shuffled.pools.indices { shuffled.pools[index].slots.shuffle() }
        #expect(try EdgeRenderer.render(plan) == EdgeRenderer.render(shuffled))
    }

    @Test("no line of a rendered configuration is left with template text", arguments: PlanExamples.names)
    func complete(_ name: String) throws {
        let text = try EdgeRenderer.render(PlanExamples.plan(name))[0].content
        #expect(!text.contains("{{"))
        #expect(!text.contains("Optional("))
        #expect(!text.contains("&quot;") && !text.contains("&amp;"))
    }

    @Test("with several pools the root metadata document is not served: it could describe one only")
    func rootMetadata() throws {
        let root = "location = /.well-known/oauth-protected-resource {"
        #expect(try EdgeRenderer.render(PlanExamples.plan("one-pool"))[0].content.contains(root))
        #expect(try !EdgeRenderer.render(PlanExamples.plan("two-pools"))[0].content.contains(root))
    }

    @Test("a header secret has a 0600 file of its own, and words of nginx's are escaped as names of pools")
    func headerSecret() throws {
        let file = try EdgeRenderer.headerSecret(Secret("Ab-_9"), of: "analytics")
        #expect(file == RenderedFile(path: "secrets/analytics.map", content: "analytics \"Ab-_9\";\n", mode: 0o600))
        #expect(try EdgeRenderer.headerSecret(Secret("x"), of: "default").content == "\\default \"x\";\n")
        for hostile in ["", "a b", "a\";", "$host", "a\n", "\\", "é"] {
            let failure = #expect(throws: Failure.self) {
                try EdgeRenderer.headerSecret(Secret(hostile), of: "analytics")
            }
            #expect(hostile.count < 2 || failure.map { "\($0)".contains(hostile) } == false)
        }
        #expect(throws: Failure.self) { try EdgeRenderer.headerSecret(Secret("x"), of: "../analytics") }
    }

    @Test("an include file names nothing that another fleet's, or the nginx around it, could name too")
    func includeMode() throws {
        let names = try ["shop-eu", "shop-us"].map { fleet in
            var plan = PlanExamples.plan("include")
            plan.fleet = fleet
            let text = try EdgeRenderer.render(plan)[0].content
            let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            let lines = text.split(separator: "\n")
            #expect(lines.allSatisfy { !$0.hasPrefix("events") && !$0.hasPrefix("daemon") && !$0.hasPrefix("pid") })
            #expect(!text.contains("default_server") && !text.contains("map_hash"))
            let upstreams = lines.filter { $0.hasPrefix("upstream") }.map { String($0.split(separator: " ")[1]) }
            #expect(upstreams.count > 3)
            return Set(words.map(String.init).filter { $0.contains("convoy_") } + upstreams)
        }
        // Locations are a server's own; what the gate says of itself is no name of ours.
        let shared = names[0].intersection(names[1]).sorted()
        #expect(shared.allSatisfy { $0.hasPrefix("_convoy_") || $0.hasPrefix("upstream_http_x_convoy_") }, "\(shared)")
        #expect(shared.count > 5)
    }

    @Test("names stay short enough for nginx's own bounds, and fleets with long names stay apart")
    func names() throws {
        let text = try EdgeRenderer.render(PlanExamples.plan("include"))[0].content
        let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        #expect(words.filter { $0.hasPrefix("convoy_") }.allSatisfy { $0.utf8.count <= 46 })
        let long = ["analytics-of-europe-one", "analytics-of-europe-two"].map(EdgeNames.prefix)
        #expect(long[0] != long[1] && long.allSatisfy { $0.utf8.count <= 22 })
        #expect(EdgeNames.prefix(of: "shop-eu") == "convoy_shop_eu_")
    }

    @Test(
        "the edge answers to the name in edge.url only",
        arguments: [
            ("https://mcp.example.com", ["mcp.example.com", "mcp.example.com:443"]),
            ("https://mcp.example.com:8443", ["mcp.example.com:8443"]), ("http://[::1]:8420", ["[::1]:8420"]),
        ])
    func hosts(_ url: String, _ spellings: [String]) throws {
        #expect(try EdgeNames(url: url).spellings == spellings)
    }

    @Test("an operator's own template is used, and a broken one is named")
    func override() throws {
        let plan = PlanExamples.plan("one-pool")
        let own = "{{% CONTENT_TYPE:TEXT}}{{fleet}} {{#pools}}{{name}}{{/pools}}"
        #expect(try EdgeRenderer.render(plan, template: own)[0].content == "shop analytics")
        let failure = #expect(throws: Failure.self) { try EdgeRenderer.render(plan, template: "{{#pools}}") }
        #expect(failure?.why.contains("edge.conf.mustache") == true)
    }
}
