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

    @Test("include mode is refused with a next step")
    func includeMode() {
        var plan = PlanExamples.plan("one-pool")
        plan.edge.mode = .include
        let failure = #expect(throws: Failure.self) { try EdgeRenderer.render(plan) }
        #expect(failure?.next.contains("dedicated") == true)
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
