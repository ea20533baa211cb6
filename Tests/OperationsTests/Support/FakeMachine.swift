import Fleet
import Foundation
import Ports
import Synchronization

/// The disk, which outlives whoever writes to it.
final class FakeDisk: Sendable {
    private let content = Mutex<[String: String]>([:])
    /// Writes until it is full, and how many it has refused since; nil: it has room.
    private let room = Mutex<(left: Int, refused: Int)?>(nil)

    /// The ledger's. Its form on a real disk is the real ledger's matter: to read it again and again was most of
    /// what a cut cost.
    let journal = Mutex<[JournalEntry]>([])
    private let lastRecord = Mutex<(text: String, record: LedgerRecord)?>(nil)

    /// A ledger's record, which is asked for far more often than it changes.
    func record(_ text: String) throws -> LedgerRecord {
        if let last = lastRecord.withLock({ $0 }), last.text == text { return last.record }
        let record = try JSONDecoder().decode(LedgerRecord.self, from: Data(text.utf8))
        lastRecord.withLock { $0 = (text, record) }
        return record
    }

    func fill(after writes: Int) { room.withLock { $0 = (writes, 0) } }
    func makeRoom() { room.withLock { $0 = nil } }
    var refused: Int { room.withLock { $0?.refused ?? 0 } }

    /// What the kernel says to each write of who can bear it; removing always works.
    func take(_ path: String) throws {
        let isFull = room.withLock { room -> Bool in
            guard let now = room else { return false }
            room = now.left > 0 ? (now.left - 1, 0) : (0, now.refused + 1)
            return now.left <= 0
        }
        guard isFull else { return }
        throw Failure(
            .unavailable, "cannot write \(path)", because: "No space left on device", next: "free space, then again")
    }

    subscript(path: String) -> String? {
        get { content.withLock { $0[path] } }
        set { content.withLock { $0[path] = newValue } }
    }

    var paths: [String] { content.withLock { $0.keys.sorted() } }
    func below(_ directory: String) -> [String] { paths.filter { $0.hasPrefix(directory + "/") } }
    func remove(_ path: String) {
        content.withLock { content in
            for key in content.keys where key == path || key.hasPrefix(path + "/") { content[key] = nil }
        }
    }
}

struct FakeFiles: FileStore {
    let disk: FakeDisk
    var fuse = Fuse()

    func read(_ path: String) throws -> String? {
        try fuse.pass()
        return disk[path]
    }
    func write(_ path: String, _ content: String, mode: UInt16) throws {
        try fuse.pass()
        try disk.take(path)
        disk[path] = content
    }
    func makeDirectory(_ path: String, mode: UInt16) throws {
        try fuse.pass()
        if disk[path + "/."] == nil { try disk.take(path) }
        disk[path + "/."] = ""
    }
    func remove(_ path: String) throws {
        try fuse.pass()
        disk.remove(path)
    }
    func list(_ directory: String) throws -> [String] {
        try fuse.pass()
        let names = disk.below(directory).compactMap {
            $0.dropFirst(directory.count + 1).split(separator: "/").first.map(String.init)
        }
        return Set(names).subtracting(["."]).sorted()
    }
}

/// The processes of a machine, which outlive whoever started them.
final class FakeMachine: Sendable {
    struct Running {
        var record: ProcessRecord
        var plan: ProcessPlan
        var watcher: FakeProcesses?
    }

    private struct State {
        var nextPID: Int32 = 100
        var running: [Int32: Running] = [:]
        var starts: [String] = []
        var signals: [String] = []
        var refused: [String: Failure] = [:]
        var dying: Set<String> = []
        var stubborn: Set<String> = []
        var appliedPolicy: Int?
        var gateIsDeaf = false
    }

    private let state = Mutex(State())
    let disk: FakeDisk
    let policyPath: String

    init(disk: FakeDisk, policyPath: String) {
        self.disk = disk
        self.policyPath = policyPath
    }

    var ids: [String] { state.withLock { $0.running.values.map(\.record.id).sorted() } }
    /// Every start so far, in order.
    var starts: [String] { state.withLock(\.starts) }
    var signals: [String] { state.withLock(\.signals) }
    var appliedPolicy: Int? { state.withLock(\.appliedPolicy) }
    func running(_ id: String) -> Running? { state.withLock { $0.running.values.first { $0.record.id == id } } }
    func holder(of port: Int) -> Running? {
        state.withLock { $0.running.values.first { $0.plan.arguments.contains("\(port)") } }
    }
    func refuse(_ id: String, _ failure: Failure?) { state.withLock { $0.refused[id] = failure } }
    /// Its next start succeeds, and its death is seen before that start has returned.
    func dieEarly(_ id: String) { state.withLock { _ = $0.dying.insert(id) } }
    /// Only KILL ends it.
    func makeStubborn(_ id: String) { state.withLock { _ = $0.stubborn.insert(id) } }

    /// A gate that ignores HUP.
    func makeGateDeaf(_ isDeaf: Bool) { state.withLock { $0.gateIsDeaf = isDeaf } }

    func start(_ plan: ProcessPlan, _ watcher: FakeProcesses) throws -> ProcessRecord {
        let (record, diesNow) = try state.withLock { state -> (ProcessRecord, Bool) in
            if let failure = state.refused[plan.id] { throw failure }
            state.nextPID += 1
            let record = ProcessRecord(id: plan.id, pid: state.nextPID, startTicks: UInt64(state.nextPID))
            state.running[record.pid] = Running(record: record, plan: plan, watcher: watcher)
            state.starts.append(plan.id)
            return (record, state.dying.remove(plan.id) != nil)
        }
        if plan.id == "gate" { reloadGate() }
        if diesNow { end(record, .exited(code: 1)) }
        return record
    }

    func adopt(_ record: ProcessRecord, _ watcher: FakeProcesses) -> Bool {
        state.withLock {
            guard $0.running[record.pid]?.record == record else { return false }
            $0.running[record.pid]?.watcher = watcher
            return true
        }
    }

    func signal(_ record: ProcessRecord, _ signal: ProcessSignal) {
        let isStubborn = state.withLock { state in
            guard state.running[record.pid]?.record == record else { return true }
            state.signals.append("\(record.id) \(signal.rawValue)")
            return state.stubborn.contains(record.id)
        }
        switch signal {
        case .hup: if record.id == "gate", !state.withLock(\.gateIsDeaf) { reloadGate() }
        case .kill: end(record, .signalled(9))
        default: if !isStubborn { end(record, .exited(code: 0)) }
        }
    }

    /// As the outside world ends a process: nobody is asked.
    func kill(_ id: String) {
        if let running = running(id) { end(running.record, .signalled(9)) }
    }

    private func end(_ record: ProcessRecord, _ cause: ProcessExit.Cause) {
        let watcher = state.withLock { state -> FakeProcesses? in
            guard state.running[record.pid]?.record == record else { return nil }
            return state.running.removeValue(forKey: record.pid)?.watcher
        }
        watcher?.tell(ProcessExit(record: record, cause: cause))
    }

    private func reloadGate() {
        struct Policy: Decodable { var revision: Int }
        guard let text = disk[policyPath], let policy = try? JSONDecoder().decode(Policy.self, from: Data(text.utf8))
        else { return }
        state.withLock { $0.appliedPolicy = policy.revision }
    }
}

/// The machine's processes as one supervisor sees them.
final class FakeProcesses: ProcessBackend {
    let exits: AsyncStream<ProcessExit>
    private let feed: AsyncStream<ProcessExit>.Continuation
    private let machine: FakeMachine
    private let fuse: Fuse

    init(machine: FakeMachine, fuse: Fuse) {
        self.machine = machine
        self.fuse = fuse
        (exits, feed) = AsyncStream.makeStream()
    }

    func tell(_ exit: ProcessExit) { if !fuse.isBlown { feed.yield(exit) } }
    func start(_ plan: ProcessPlan) async throws -> ProcessRecord {
        let record = try fuse.whileWhole { try machine.start(plan, self) }
        // Others get their turn before the caller learns of it, as with a real exec: so one whose supervisor dies
        // just now is in no book yet.
        for _ in 0..<5 { await Task.yield() }
        return record
    }
    func find(_ id: String, logFile: String) async -> ProcessRecord? {
        fuse.isBlown ? nil : machine.running(id)?.record
    }
    func adopt(_ record: ProcessRecord) async -> Bool { !fuse.isBlown && machine.adopt(record, self) }
    func signal(_ record: ProcessRecord, _ signal: ProcessSignal, wholeGroup: Bool) async {
        if !fuse.isBlown { machine.signal(record, signal) }
    }
}
