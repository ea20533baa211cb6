import Fleet
import Ports

/// What each `ProcessBackend` keeps: the fake, child processes, systemd. One case per law.
package struct ProcessContract: Sendable, CustomStringConvertible {
    package let description: String
    private let law: @Sendable (any ProcessStage) async throws -> Void

    init(_ description: String, _ law: @escaping @Sendable (any ProcessStage) async throws -> Void) {
        self.description = description
        self.law = law
    }

    /// Throws a `ContractBreach` when the backend breaks the law.
    package func check(_ stage: any ProcessStage) async throws { try await law(stage) }

    package static let all: [ProcessContract] = [
        terminated, killed, ephemeral, impossible, groupKilled, startedAgain, adopted, strangers, ghosts, successor,
        together,
    ]

    static let terminated = ProcessContract("a process that is told to end ends, and its exit is told once") { stage in
        try await withBackend(stage) { backend, exits in
            let first = try await backend.start(stage.lasting("one"))
            let second = try await backend.start(stage.lasting("two"))
            try keep(first.id == "one" && first.pid > 1, "a strange record: \(first)")
            try keep(await exits.isEmpty, "an exit of what runs")
            await backend.signal(first, .term, wholeGroup: true)
            let exit = try await exits.next("after TERM")
            try keep(exit.record == first, "\(exit.record) ended instead of \(first)")
            await backend.signal(second, .term, wholeGroup: false)
            try keep(try await exits.next("after TERM").record == second, "one exit too many")
            await backend.retire("one")
            await backend.retire("two")
            try keep(await !backend.adopt(first), "adopted what is gone")
        }
    }

    static let killed = ProcessContract("a process that is killed from outside is told to be killed by that signal") {
        stage in
        try await withBackend(stage) { backend, exits in
            let record = try await backend.start(stage.lasting("one"))
            try stage.kill(record)
            let exit = try await exits.next("after a kill from outside")
            try keep(exit == ProcessExit(record: record, cause: .signalled(9)), "told \(exit)")
            await backend.retire("one")
        }
    }

    static let ephemeral = ProcessContract("a process that ends at once: the exit has the record that start returned") {
        stage in
        try await withBackend(stage) { backend, exits in
            let record = try await backend.start(stage.ephemeral("one"))
            let exit = try await exits.next("of a process that ends at once")
            try keep(exit == ProcessExit(record: record, cause: .exited(code: 1)), "told \(exit) of \(record)")
            await backend.retire("one")
        }
    }

    static let impossible = ProcessContract("a start that fails says what to do, leaves nothing and has no exit") {
        stage in
        try await withBackend(stage) { backend, exits in
            do {
                let record = try await backend.start(stage.impossible("one"))
                throw ContractBreach(description: "started \(record)")
            } catch let failure as Failure {
                try keep(failure.what == "cannot start one", "says \(failure.what)")
                try keep(!failure.why.isEmpty && !failure.next.isEmpty, "says too little: \(failure)")
            }
            let next = try await backend.start(stage.lasting("two"))
            await backend.signal(next, .term, wholeGroup: true)
            let exit = try await exits.next("after TERM")
            try keep(exit.record == next, "an exit of what never ran: \(exit)")
            await backend.retire("one")
            await backend.retire("two")
        }
    }

    static let groupKilled = ProcessContract("KILL of the group ends a process") { stage in
        try await withBackend(stage) { backend, exits in
            let record = try await backend.start(stage.lasting("one"))
            await backend.signal(record, .kill, wholeGroup: true)
            let exit = try await exits.next("after KILL")
            try keep(exit == ProcessExit(record: record, cause: .signalled(9)), "told \(exit)")
            await backend.retire("one")
        }
    }

    static let startedAgain = ProcessContract("what died is started again as another process, and again") { stage in
        try await withBackend(stage) { backend, exits in
            var seen: Set<ProcessRecord> = []
            for _ in 0..<3 {
                let record = try await backend.start(stage.lasting("one"))
                try keep(seen.insert(record).inserted, "the dead \(record) was given out again")
                try stage.kill(record)
                let exit = try await exits.next("after a kill from outside")
                try keep(exit.record == record, "told \(exit) instead of \(record)")
            }
            await backend.retire("one")
        }
    }
}
