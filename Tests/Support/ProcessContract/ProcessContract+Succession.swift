import Fleet
import Glibc
import Ports

// What survives a supervisor, and what must not be mistaken for it.
extension ProcessContract {
    static let adopted = ProcessContract("the next supervisor adopts what runs, and is told of its end") { stage in
        let record = try await withBackend(stage) { backend, _ in try await backend.start(stage.lasting("one")) }
        try await withBackend(stage) { backend, exits in
            try keep(await backend.adopt(record), "not adopted: \(record)")
            try keep(await backend.adopt(record), "adopting is not idempotent")
            try keep(await exits.isEmpty, "an exit of what runs")
            await backend.signal(record, .term, wholeGroup: true)
            let exit = try await exits.next("of the adopted process")
            try keep(exit.record == record, "told \(exit)")
            await backend.retire("one")
        }
    }

    static let strangers = ProcessContract("what has another pid or another start is neither adopted nor signalled") {
        stage in
        try await withBackend(stage) { backend, exits in
            let record = try await backend.start(stage.lasting("one"))
            for (pid, ticks) in [
                (record.pid, record.startTicks + 1), (record.pid, record.startTicks - 1), (record.pid, 0),
                (getpid(), record.startTicks), (0, 0), (1, record.startTicks), (-1, record.startTicks),
            ] {
                let stranger = ProcessRecord(id: "one", pid: pid, startTicks: ticks)
                try keep(await !backend.adopt(stranger), "adopted \(stranger)")
                await backend.signal(stranger, .kill, wholeGroup: true)
                await backend.signal(stranger, .term, wholeGroup: false)
            }
            let unknown = ProcessRecord(id: "nobody", pid: record.pid, startTicks: record.startTicks + 1)
            try keep(await !backend.adopt(unknown), "adopted \(unknown)")
            try keep(await backend.adopt(record), "the right one was harmed")
            try keep(await exits.isEmpty, "an exit of what runs")
            await backend.signal(record, .term, wholeGroup: true)
            try keep(try await exits.next("after TERM").record == record, "the wrong exit")
            await backend.retire("one")
        }
    }

    static let ghosts = ProcessContract("what died while no supervisor looked is not adopted, and starts again") {
        stage in
        let record = try await withBackend(stage) { backend, exits in
            let record = try await backend.start(stage.lasting("one"))
            try stage.kill(record)
            _ = try await exits.next("after a kill from outside")
            return record
        }
        try await withBackend(stage) { backend, exits in
            try keep(await !backend.adopt(record), "adopted a dead process")
            let again = try await backend.start(stage.lasting("one"))
            try keep(again != record, "the dead was given out again")
            await backend.signal(again, .term, wholeGroup: true)
            try keep(try await exits.next("after TERM").record == again, "the wrong exit")
            await backend.retire("one")
        }
    }

    static let successor = ProcessContract("no signal to the dead reaches who took its place") { stage in
        try await withBackend(stage) { backend, exits in
            let dead = try await backend.start(stage.lasting("one"))
            try stage.kill(dead)
            _ = try await exits.next("after a kill from outside")
            let living = try await backend.start(stage.lasting("one"))
            for signal in [ProcessSignal.kill, .term, .quit, .int, .hup] {
                await backend.signal(dead, signal, wholeGroup: true)
                await backend.signal(dead, signal, wholeGroup: false)
            }
            try keep(await backend.adopt(living), "the successor is gone")
            try keep(await exits.isEmpty, "the successor ended")
            await backend.signal(living, .kill, wholeGroup: true)
            try keep(try await exits.next("after KILL").record == living, "the wrong exit")
            await backend.retire("one")
        }
    }

    static let together = ProcessContract("many at once: each has its record and its exit") { stage in
        try await withBackend(stage) { backend, exits in
            let names = (1...8).map { "many-\($0)" }
            let records = try await withThrowingTaskGroup(of: ProcessRecord.self) { group in
                for name in names { group.addTask { try await backend.start(stage.lasting(name)) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try keep(Set(records.map(\.id)) == Set(names) && Set(records.map(\.pid)).count == 8, "told \(records)")
            for record in records { try stage.kill(record) }
            var ended: Set<ProcessRecord> = []
            for _ in names { ended.insert(try await exits.next("of many").record) }
            try keep(ended == records, "ended: \(ended)")
            for name in names { await backend.retire(name) }
        }
    }
}

func withBackend<Value: Sendable>(
    _ stage: any ProcessStage, _ body: (any ProcessBackend, ExitLog) async throws -> Value
) async throws -> Value {
    let backend = try stage.backend()
    let exits = ExitLog()
    await exits.read(backend)
    defer { Task { await exits.stop() } }
    return try await body(backend, exits)
}
