import Fleet
import Planning

/// Questions and orders to systemd that outlast its absence, with failures in an operator's words.
struct SystemdCalls: Sendable {
    let bus: SystemdBus
    let deadlines: SystemdDeadlines

    func look(_ unit: UnitName, _ interface: BusRequest.Interface) async throws(BusFault) -> UnitFacts {
        try await bus.call(.look(unit, interface), timeout: deadlines.answer).facts
    }

    /// Its failures and starts so far count no more.
    func resetFailed(_ unit: UnitName) async throws(BusFault) {
        _ = try await isKnown("ResetFailedUnit", unit)
    }

    func isLoaded(_ unit: UnitName) async throws(BusFault) -> Bool { try await isKnown("GetUnit", unit) }

    /// False when systemd has no such unit in its memory, which it clears of what is inactive.
    private func isKnown(_ method: String, _ unit: UnitName) async throws(BusFault) -> Bool {
        do {
            try await bus.call(.manage(method, unit.text), timeout: deadlines.answer)
            return true
        } catch .refused(name: "org.freedesktop.systemd1.NoSuchUnit", text: _) {
            return false
        }
    }

    /// Waits for the job that `StartUnit`, `StopUnit` or `RestartUnit` makes; returns its result.
    func job(_ method: String, _ unit: UnitName) async throws(BusFault) -> String {
        try await bus.job(
            .manage(method, unit.text, "replace"), timeout: deadlines.answer, within: deadlines.job)
    }

    /// Does not wait for the job.
    func begin(_ method: String, _ unit: UnitName) async throws(BusFault) {
        try await bus.call(.manage(method, unit.text, "replace"), timeout: deadlines.answer)
    }

    func kill(_ unit: UnitName, whom: String, _ signal: Int32) async throws(BusFault) {
        try await bus.call(.kill(unit, whom: whom, signal: signal), timeout: deadlines.answer)
    }

    /// Again and again while nobody answers: a restarted bus and a systemd that execs itself come back soon.
    func persisting<Value: Sendable>(
        _ what: String, _ unit: UnitName?, _ body: () async throws -> Value
    ) async throws -> Value {
        let clock = ContinuousClock()
        let end = clock.now + deadlines.absence.duration
        var pause = Duration.milliseconds(10)
        while true {
            do {
                return try await body()
            } catch BusFault.lost(let why) {
                guard clock.now < end, !Task.isCancelled else { throw absence(what, why) }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(500))
            } catch let fault as BusFault {
                throw refusal(what, unit, fault)
            }
        }
    }

    private func absence(_ what: String, _ why: String) -> Failure {
        Failure(
            .unavailable, "cannot \(what)", because: "systemd does not answer on the system bus: \(why)",
            next: "`systemctl status dbus.socket dbus`; `systemctl daemon-reexec` revives a stuck systemd")
    }

    private func refusal(_ what: String, _ unit: UnitName?, _ fault: BusFault) -> Failure {
        guard case .refused(let name, _) = fault, let unit else {
            return Failure(.failed, "cannot \(what)", because: fault.words, next: "`journalctl -b _PID=1` tells more")
        }
        let mayNot = name.hasSuffix(".AccessDenied") || name.hasSuffix(".InteractiveAuthorizationRequired")
        return Failure(
            .failed, "cannot \(what)", because: "systemd refuses it for \(unit.text): \(fault.words)",
            next: mayNot
                ? "run the supervisor as root"
                : "`systemctl status \(unit.text)` and `journalctl -u \(unit.text)` tell more")
    }
}
