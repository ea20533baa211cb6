// Journals that left the head: one document each.
extension LedgerCollections {
    func archive(of rollout: Int, _ connection: borrowing MongoConnection) throws -> [JournalLine] {
        let filter: CommandValue = ["_id": .string("\(fleet)/\(rollout)")]
        return try archives(filter, lines: true, connection).first?.lines ?? []
    }

    func archives(
        _ connection: borrowing MongoConnection, lines: Bool
    ) throws -> [JournalArchive] {
        try archives(["fleet": .string(fleet)], lines: lines, connection)
    }

    private func archives(
        _ filter: CommandValue, lines: Bool, _ connection: borrowing MongoConnection
    ) throws -> [JournalArchive] {
        // One by one where their lines are wanted: a reply holds 16 MB at most.
        var found: [JournalArchive] = []
        while true {
            let command: CommandDocument = [
                "find": .string(Self.journals), "filter": filter, "sort": ["rollout": 1],
                "skip": .integer(found.count), "limit": .integer(lines ? 1 : 1000), "singleBatch": true,
                "projection": lines ? ["rollout": 1, "lines": 1] : ["rollout": 1],
                "readConcern": ["level": "majority"],
            ]
            let batch = try connection.run(command, on: Self.database, as: CursorReply<JournalArchive>.self)
                .cursor.firstBatch
            found += batch
            if batch.count < (lines ? 1 : 1000) { return found }
        }
    }

    /// The longer one stays: whoever comes late with less changes nothing.
    func keep(_ lines: [JournalLine], of rollout: Int, _ connection: borrowing MongoConnection) throws {
        let update: CommandValue = [
            "q": ["_id": .string("\(fleet)/\(rollout)"), "count": ["$lt": .integer(lines.count)]],
            "u": [
                "$set": [
                    "fleet": .string(fleet), "rollout": .integer(rollout), "count": .integer(lines.count),
                    "lines": .array(lines.map(\.value)),
                ]
            ],
            "upsert": true,
        ]
        try write(["update": .string(Self.journals), "updates": [update]], connection)
    }

    func forget(below rollout: Int, _ connection: borrowing MongoConnection) throws {
        let old: CommandValue = ["fleet": .string(fleet), "rollout": ["$lt": .integer(rollout)]]
        try write(["delete": .string(Self.journals), "deletes": [["q": old, "limit": 0]]], connection)
    }
}
