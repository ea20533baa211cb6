import Fleet
import Foundation
import Testing

@testable import Planning

@Suite("SchemaJudge")
struct SchemaJudgeTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let old: String
        let new: String
        /// `!` before those that break.
        let expected: [String]

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "an optional property more", old: #"{"properties":{"a":{"type":"string"}}}"#,
            new: #"{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}"#, expected: ["b is new"]),
        Case(
            name: "a required property more", old: #"{"properties":{}}"#,
            new: #"{"properties":{"b":{"type":"string"}},"required":["b"]}"#, expected: ["!b is new and required"]),
        Case(
            name: "a required property that is nowhere described", old: #"{}"#, new: #"{"required":["b"]}"#,
            expected: ["!b is new and required"]),
        Case(
            name: "one that could be left out is required", old: #"{"properties":{"a":{}},"required":[]}"#,
            new: #"{"properties":{"a":{}},"required":["a"]}"#, expected: ["!a is required now"]),
        Case(
            name: "one may be left out", old: #"{"properties":{"a":{}},"required":["a"]}"#,
            new: #"{"properties":{"a":{}}}"#, expected: ["a may be left out now"]),
        Case(
            name: "a property less, where others are taken and ignored", old: #"{"properties":{"a":{}}}"#,
            new: #"{"properties":{}}"#, expected: ["a is gone"]),
        Case(
            name: "a property less, where others are refused", old: #"{"properties":{"a":{}}}"#,
            new: #"{"additionalProperties":false}"#, expected: ["!a is refused now"]),
        Case(
            name: "another type", old: #"{"properties":{"a":{"type":"string"}}}"#,
            new: #"{"properties":{"a":{"type":"integer"}}}"#, expected: ["!a was string, is integer"]),
        Case(
            name: "every integer is a number", old: #"{"properties":{"a":{"type":"integer"}}}"#,
            new: #"{"properties":{"a":{"type":"number"}}}"#, expected: ["a was integer, is number"]),
        Case(
            name: "not every number is an integer", old: #"{"properties":{"a":{"type":"number"}}}"#,
            new: #"{"properties":{"a":{"type":"integer"}}}"#, expected: ["!a was number, is integer"]),
        Case(
            name: "any type, then one", old: #"{"properties":{"a":{}}}"#,
            new: #"{"properties":{"a":{"type":"integer"}}}"#, expected: ["!a takes only integer now"]),
        Case(
            name: "one type, then any", old: #"{"properties":{"a":{"type":"integer"}}}"#,
            new: #"{"properties":{"a":{}}}"#, expected: ["a takes any type now"]),
        Case(
            name: "what may be left out may stop being null",
            old: #"{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}"#,
            new: #"{"properties":{"a":{"type":"string"}}}"#, expected: ["a was null or string, is string"]),
        Case(
            name: "what must be there may not stop being null",
            old: #"{"properties":{"a":{"type":["string","null"]}},"required":["a"]}"#,
            new: #"{"properties":{"a":{"type":"string"}},"required":["a"]}"#,
            expected: ["!a was null or string, is string"]),
        Case(
            name: "the same type in other words", old: #"{"properties":{"a":{"type":["string","null"]}}}"#,
            new: #"{"properties":{"a":{"oneOf":[{"type":"null"},{"type":"string"}]}}}"#, expected: []),
        Case(
            name: "fewer values", old: #"{"properties":{"a":{"enum":["x","y"]}}}"#,
            new: #"{"properties":{"a":{"enum":["x","z"]}}}"#, expected: ["!a refuses 1 of 2 values now"]),
        Case(
            name: "more values", old: #"{"properties":{"a":{"enum":["x"]}}}"#,
            new: #"{"properties":{"a":{"enum":["x","y"]}}}"#, expected: ["a takes more values now"]),
        Case(
            name: "any value, then some", old: #"{"properties":{"a":{"type":"string"}}}"#,
            new: #"{"properties":{"a":{"type":"string","enum":["x"]}}}"#, expected: ["!a takes only 1 values now"]),
        Case(
            name: "tighter and wider bounds", old: #"{"properties":{"a":{"minimum":1,"maximum":10,"maxLength":5}}}"#,
            new: #"{"properties":{"a":{"minimum":2,"maximum":20}}}"#,
            expected: ["!a has a tighter minimum", "a has a wider maximum", "a has no maxLength any more"]),
        Case(
            name: "deep inside, by its path",
            old:
                #"{"properties":{"f":{"type":"object","properties":{"ids":{"type":"array","items":{"type":"string"}}}}}}"#,
            new:
                #"{"properties":{"f":{"type":"object","properties":{"ids":{"type":"array","items":{"type":"integer"}}}}}}"#,
            expected: ["!f.ids[] was string, is integer"]),
        Case(
            name: "behind a reference, in a union with null",
            old:
                ##"{"$defs":{"P":{"type":"object","properties":{}}},"properties":{"p":{"anyOf":[{"$ref":"#/$defs/P"},{"type":"null"}]}}}"##,
            new:
                ##"{"$defs":{"P":{"type":"object","properties":{"id":{}},"required":["id"]}},"properties":{"p":{"anyOf":[{"$ref":"#/$defs/P"},{"type":"null"}]}}}"##,
            expected: ["!p.id is new and required"]),
        Case(
            name: "what is not understood is told, and breaks nothing", old: #"{"properties":{"a":{"pattern":"x"}}}"#,
            new: #"{"properties":{"a":{"pattern":"y"}}}"#, expected: ["a has another pattern"]),
    ]

    @Test("a caller who goes by the old schema meets what is new", arguments: cases)
    func compare(_ example: Case) throws {
        let changes = SchemaJudge(try schema(example.old), try schema(example.new)).changes()
        #expect(changes.map { ($0.breaking ? "!" : "") + $0.words } == example.expected)
    }

    @Test("a schema that names itself, or goes on for ever, comes to an end")
    func endless() throws {
        let loop =
            ##"{"$defs":{"N":{"properties":{"next":{"$ref":"#/$defs/N"},"TYPE":{}}}},"properties":{"n":{"$ref":"#/$defs/N"},"x":{"$ref":"#/properties/x"}}}"##
        let changes = SchemaJudge(
            try schema(loop), try schema(loop.replacingOccurrences(of: "TYPE", with: "other"))
        ).changes()
        #expect(!changes.isEmpty && changes.count <= 50)
    }

    @Test("law: nothing differs from itself; what an author may add breaks nothing; what he may not does")
    func laws() {
        var dice = SeededDice(state: 11)
        for _ in 0..<2000 {
            let schema = Self.random(&dice, depth: 3)
            #expect(SchemaJudge(schema, schema).changes().isEmpty, "\(schema)")
            var wider = schema.objectValue ?? [:]
            var properties = wider["properties"]?.objectValue ?? [:]
            properties["added"] = Self.random(&dice, depth: 1)
            wider["properties"] = .object(properties)
            let breaking = SchemaJudge(schema, .object(wider)).changes().filter { $0.breaking }
            #expect(breaking.isEmpty)
            let needed = (wider["required"]?.arrayValue ?? []) + [.string("added")]
            wider["required"] = .array(needed)
            let broken = SchemaJudge(schema, .object(wider)).changes().filter { $0.breaking }
            #expect(broken.map(\.property) == ["added"])
        }
    }

    private func schema(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    private static func random(_ dice: inout SeededDice, depth: Int) -> JSONValue {
        let names = (0..<Int.random(in: 0...3, using: &dice)).map { "p\($0)" }
        let properties = names.map { name -> (String, JSONValue) in
            guard depth > 0, Bool.random(using: &dice) else {
                let types: [JSONValue] = [.string("string"), .string("integer"), .array([.string("null")])]
                return (name, .object(["type": types.randomElement(using: &dice) ?? .null]))
            }
            let inner = random(&dice, depth: depth - 1)
            return (name, Bool.random(using: &dice) ? inner : .object(["type": .string("array"), "items": inner]))
        }
        return .object([
            "type": .string("object"), "properties": .object(Dictionary(uniqueKeysWithValues: properties)),
            "required": .array(names.filter { _ in Bool.random(using: &dice) }.map { .string($0) }),
        ])
    }
}
