import Testing

@testable import MongoDB

@Suite("Command documents")
struct CommandDocumentTests {
    @Test("members keep their order and every kind of value has its JSON")
    func order() {
        let document: CommandDocument = [
            "zeta": 1, "alpha": "x", "mid": [true, ["$set": ["a": -2]]], "id": .objectID("0123"), "none": [:],
        ]
        #expect(
            document.json
                == #"{"zeta":1,"alpha":"x","mid":[true,{"$set":{"a":-2}}],"id":{"$oid":"0123"},"none":{}}"#)
    }

    @Test("text can't break out of its quotes")
    func quoting() {
        let document: CommandDocument = ["a\"b": "c\\\"}\n\u{0}\u{1f}ü😀"]
        #expect(document.json == #"{"a\"b":"c\\\"}\u000a\u0000\u001fü😀"}"#)
    }

    @Test("no write probe upserts, and each selects by a fresh id")
    func probes() {
        let id = "6560a1b2c3d4e5f601234567"
        let update = WriteProbe(kind: .update, collection: "c").command(id: id).json
        #expect(update.hasPrefix(#"{"update":"c","updates":[{"q":{"_id":{"$oid":"\#(id)"}}"#))
        #expect(update.contains(#""upsert":false"#))
        let delete = WriteProbe(kind: .delete, collection: "c").command(id: id).json
        #expect(delete == #"{"delete":"c","deletes":[{"q":{"_id":{"$oid":"\#(id)"}},"limit":1}]}"#)
        let merge = WriteProbe(kind: .merge, collection: "c").command(id: id).json
        #expect(merge.contains(#"[{"$match":{"_id":{"$oid":"\#(id)"}}},{"$merge":"#))
        #expect(MongoConnection.freshID() != MongoConnection.freshID())
        #expect(MongoConnection.freshID().count == 24)
    }
}
