import Fleet
import Foundation
import Testing

@testable import Planning

@Suite("CompatibilityJudge")
struct CompatibilityJudgeTests {
    private func listing(_ text: String) throws -> [JSONValue] {
        try JSONDecoder().decode([JSONValue].self, from: Data(text.utf8))
    }

    private func side(
        _ version: String, _ tools: String?, eras: [Era] = [.modern, .legacy], settings: Set<String> = [],
        known: Set<String> = ["limit"]
    ) throws -> CompatibilityJudge.Side {
        CompatibilityJudge.Side(
            version: version, offer: try tools.map { ReleaseOffer(eras: eras, listing: try listing($0)) },
            settings: settings, known: known)
    }

    @Test("tools, eras and settings that come, go and change are told, each once")
    func all() throws {
        let old = try side(
            "1.0.0",
            #"[{"name":"find","inputSchema":{"properties":{"q":{}}}},{"name":"count","description":"old"},{"name":"gone"}]"#,
            settings: ["limit", "lost"])
        let new = try side(
            "2.0.0",
            #"[{"name":"count","description":"new"},{"name":"fresh"},{"name":"find","inputSchema":{"properties":{"q":{},"db":{}},"required":["db"]}}]"#,
            eras: [.modern])
        let report = CompatibilityJudge().compare(old, new)
        #expect(report.toolsRemoved == ["gone"] && report.toolsAdded == ["fresh"])
        #expect(report.toolsChanged.map(\.tool) == ["find"])
        let needed = SchemaChange(.required, "db", "is new and required", breaking: true)
        #expect(report.toolsChanged.first?.changes == [needed])
        #expect(report.erasLost == [.legacy] && report.erasGained == [] && report.settingsLost == ["lost"])
        #expect(report.breaking)
        #expect(report.summary == "tools: 1 removed, 1 added, 1 changed; eras: legacy lost; settings: 1 lost")
        let refusal = try #require(report.refusal)
        #expect(
            refusal == "callers of 1.0.0 would meet 2.0.0 with tool gone no longer listed; find: db is new and "
                + "required; era legacy lost; `--accept-breaking` rolls all the same")
        #expect(
            report.lines() == [
                "- tool gone (breaks)", "- era legacy (breaks)", "~ tool find: db is new and required (breaks)",
                "+ tool fresh", "- setting lost",
            ])
    }

    @Test("each of a lost tool, a lost era and a required argument breaks alone; what is only new does not")
    func each() throws {
        let tools = #"[{"name":"a"},{"name":"b"}]"#
        let base = try side("1", tools, eras: [.modern])
        let judge = CompatibilityJudge()
        #expect(judge.compare(base, try side("2", #"[{"name":"a"}]"#, eras: [.modern])).breaking)
        #expect(judge.compare(base, try side("2", tools, eras: [.legacy])).breaking)
        let needs = #"[{"name":"a"},{"name":"b","inputSchema":{"required":["x"]}}]"#
        #expect(judge.compare(base, try side("2", needs, eras: [.modern])).breaking)
        let more = try side("2", #"[{"name":"a"},{"name":"b","inputSchema":{"properties":{"x":{}}}},{"name":"c"}]"#)
        let report = judge.compare(base, more)
        #expect(!report.breaking && report.refusal == nil && !report.isEmpty)
        #expect(report.erasGained == [.legacy])
    }

    @Test("the same tools in another order, with other words, are the same")
    func same() throws {
        let old = try side("1", #"[{"name":"a","description":"x"},{"name":"b","inputSchema":{"title":"B"}}]"#)
        let new = try side("2", #"[{"name":"b","inputSchema":{}},{"name":"a","title":"A"}]"#)
        let report = CompatibilityJudge().compare(old, new)
        #expect(report.isEmpty && report.known && !report.breaking)
        #expect(report.summary == "the same tools, eras and settings")
    }

    @Test("what has never run is not known, and breaks nothing yet")
    func unknown() throws {
        let report = CompatibilityJudge().compare(try side("1", "[]"), try side("2", nil))
        #expect(!report.known && !report.breaking && report.refusal == nil)
        #expect(report.summary == "not compared yet: it is when it runs")
    }

    @Test("an answer in another form and a tool that may write now are told, and refuse nothing")
    func told() throws {
        let old = try side(
            "1",
            #"[{"name":"a","outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]"#)
        let new = try side("2", #"[{"name":"a","outputSchema":{"type":"array"},"annotations":{}}]"#)
        let report = CompatibilityJudge().compare(old, new)
        #expect(report.toolsChanged.first?.changes.map(\.kind) == [.answer, .annotation])
        #expect(!report.breaking)
    }

    @Test("nothing that a server was told gets into an offer: no default, no description, no example")
    func secrets() throws {
        let tool = #"""
            [{"name":"a","description":"mongodb://u:hush@h/","inputSchema":{"description":"hush","properties":
            {"uri":{"type":"string","default":"mongodb://u:hush@h/","examples":["hush"]},"default":{"type":"string"},
            "description":{"title":"hush"}},"$defs":{"title":{"default":"hush"}}}}]
            """#
        let offer = ReleaseOffer(eras: [.modern], listing: try listing(tool))
        let text = try StableJSON.text(offer)
        #expect(!text.contains("hush"), "\(text)")
        let properties = offer.tools[0].input?["properties"]?.objectValue
        #expect(properties?.keys.sorted() == ["default", "description", "uri"])
    }

    @Test(
        "a setting in use that the profile's words deny the next version is lost, on the way back, too",
        arguments: [
            ("3.0.0", []), ("3.9.9", []), ("4.0.0-rc.1", ["old"]), ("4.0.0", ["old"]), ("10.0.0", ["old"]),
            ("2.9.9", ["fresh"]), ("0.12.1", ["fresh"]),
        ])
    func versionsOfSettings(version: String, lost: [String]) throws {
        var profile = PlanSamples.profile
        profile.settings["old"] = Profile.Setting(type: .boolean, environment: "OLD")
        profile.settings["old"]?.until = "4.0.0"
        profile.settings["fresh"] = Profile.Setting(type: .boolean, environment: "FRESH")
        profile.settings["fresh"]?.since = "3.0.0"
        let spec = PlanSamples.spec { $0.server.settings = ["old": .bool(true), "fresh": .bool(true)] }
        let now = CompatibilityJudge.Side(spec: spec, profile: profile, version: "3.1.0", offer: nil)
        let next = CompatibilityJudge.Side(spec: spec, profile: profile, version: version, offer: nil)
        #expect(CompatibilityJudge().compare(now, next).settingsLost == lost)
    }

    @Test("an offer is bounded: large schemas are known by their digest, and still compared by it")
    func bounded() throws {
        let many = JSONValue.object(
            Dictionary(uniqueKeysWithValues: (0..<2100).map { ("property\($0)", .object(["type": .string("string")])) })
        )
        func offer(_ extra: String) -> ReleaseOffer {
            let large = JSONValue.object(["properties": many, "x": .string(extra)])
            let tools = (0..<1001).map { JSONValue.object(["name": .string("t\($0)"), "inputSchema": large]) }
            return ReleaseOffer(eras: [.modern], listing: tools)
        }
        let (old, new) = (offer("a"), offer("b"))
        #expect(old.tools.count == 1000 && old.tools.allSatisfy { $0.input == nil })
        let report = CompatibilityJudge().compare(
            .init(version: "1", offer: old, settings: [], known: []),
            .init(version: "2", offer: new, settings: [], known: []))
        #expect(report.toolsChanged.count == 1000 && !report.breaking)
        #expect(report.lines().count == 41)
    }

    @Test("names that a server chose can't reach a terminal as more than text; lines fit 80 columns")
    func names() throws {
        let wild = "x\\u001b[31m" + String(repeating: "long", count: 60)
        let report = CompatibilityJudge().compare(
            try side("1", #"[{"name":"\#(wild)"},{"name":"b"}]"#),
            try side("2", #"[{"name":"b","inputSchema":{"properties":{"\#(wild)":{}},"required":["\#(wild)"]}}]"#))
        let text = report.lines().joined(separator: "\n") + report.summary + (report.refusal ?? "")
        #expect(!text.contains("\u{1B}"))
        #expect(report.lines().allSatisfy { $0.count <= 76 })
    }

    @Test("every key is in the document, and what was written is read again")
    func document() throws {
        let report = CompatibilityJudge().compare(try side("1", #"[{"name":"a"}]"#), try side("2", "[]"))
        let text = try StableJSON.text(report)
        #expect(try JSONDecoder().decode(CompatibilityReport.self, from: Data(text.utf8)) == report)
        for key in ["known", "breaking", "toolsAdded", "toolsChanged", "erasLost", "settingsLost"] {
            #expect(text.contains("\"\(key)\""))
        }
    }
}
