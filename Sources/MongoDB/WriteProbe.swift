import Fleet

/// A write that changes nothing even where it is allowed: each selects by an ObjectId made a moment
/// ago, so it finds no document, and none of them upserts.
///
/// Together they need the three actions that write documents: `update`, `remove`, and, for a `$merge`
/// that fails on a match and inserts otherwise, `insert` alone. A `$merge` of no documents sends no
/// write, so that it creates no collection either.
struct WriteProbe {
    /// `update` comes last: unlike mongod, SecantusDB creates a missing collection for it, and a user
    /// who may write is found out by one of the others before.
    static let kinds: [ProofEvidence.WriteAttempt.Kind] = [.delete, .merge, .update]

    var kind: ProofEvidence.WriteAttempt.Kind
    var collection: String

    func command(id: String) -> CommandDocument {
        let nothing: CommandValue = ["_id": .objectID(id)]
        switch kind {
        case .update:
            return [
                "update": .string(collection),
                "updates": [["q": nothing, "u": ["$set": ["convoy": 1]], "upsert": false, "multi": false]],
            ]
        case .delete:
            return ["delete": .string(collection), "deletes": [["q": nothing, "limit": 1]]]
        case .merge:
            let merge: CommandValue = ["into": .string(collection), "whenMatched": "fail", "whenNotMatched": "insert"]
            return [
                "aggregate": .string(collection), "pipeline": [["$match": nothing], ["$merge": merge]], "cursor": [:],
            ]
        }
    }

    func attempt(on database: String, _ connection: borrowing MongoConnection) -> ProofEvidence.WriteAttempt {
        .init(kind: kind, database: database, outcome: outcome(on: database, connection))
    }

    private func outcome(
        on database: String, _ connection: borrowing MongoConnection
    ) -> ProofEvidence.WriteAttempt.Outcome {
        do {
            let command = command(id: MongoConnection.freshID())
            let reply = try connection.run(command, on: database, as: WriteReply.self)
            guard let refusal = reply.writeErrors?.first else { return .allowed }
            return .refused(code: refusal.code)
        } catch let fault as MongoFault where fault.kind == .server {
            return .refused(code: fault.code)
        } catch let fault as MongoFault {
            return .unknown(fault.message)
        } catch {
            return .unknown("the answer could not be read")
        }
    }
}
