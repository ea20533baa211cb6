import Fleet

/// Puts what systemd tells of a start that came to nothing into words.
package struct UnitFault: Sendable, Equatable {
    /// The job's result: `failed`, `timeout`, `dependency`, `canceled`, ...
    package var job: String
    /// The unit's `Result`: `exit-code`, `signal`, `start-limit-hit`, `resources`, ...
    package var result: String
    package var end: UnitMachine.End

    package init(job: String, result: String, end: UnitMachine.End) {
        self.job = job
        self.result = result
        self.end = end
    }

    /// Whether the program did run, and ended before systemd had noticed that it was up: then the start went
    /// well, and this is an end as any other.
    package var isProgramsOwn: Bool {
        guard job == "failed" else { return false }
        return switch end {
        case .exited(let code): Self.steps[code] == nil
        case .signalled: true
        case .unknown: false
        }
    }

    package func failure(id: String, unit: UnitName) -> Failure {
        Failure(
            .failed, "cannot start \(id)", because: "\(unit.text): \(why)",
            next: "`systemctl status \(unit.text)` and `journalctl -u \(unit.text)` tell more")
    }

    private var why: String {
        switch job {
        case "timeout": "it was not up within its TimeoutStartSec (job timeout)"
        case "dependency": "a unit that it needs failed (job dependency)"
        case "canceled": "somebody stopped it meanwhile (job canceled)"
        default: "\(cause) (job \(job), result \(result))"
        }
    }

    private var cause: String {
        switch (result, end) {
        case ("start-limit-hit", _): "it was started too often in too short a time"
        case ("resources", _): "systemd lacked something to start it with"
        case ("oom-kill", _): "it was killed for want of memory"
        case (_, .exited(let code)): Self.steps[code] ?? "it ended with code \(code)"
        case (_, .signalled(let number)): "it was killed by signal \(number)"
        default: "it did not come up"
        }
    }

    /// Codes by which systemd's own child tells what failed before the program ran (systemd.exec(5)).
    private static let steps: [Int32: String] = [
        200: "its directory can't be entered (200/CHDIR)",
        203: "its program can't be executed (203/EXEC)",
        208: "its standard input can't be opened (208/STDIN)",
        209: "its standard output can't be opened (209/STDOUT)",
        213: "its control group can't be made (213/CGROUP)",
        216: "its group is unknown (216/GROUP)",
        217: "its user is unknown (217/USER)",
        226: "its sandbox can't be made: a path in the unit may be missing (226/NAMESPACE)",
        228: "its filter of system calls can't be set (228/SECCOMP)",
        233: "its runtime directory can't be made (233/RUNTIME_DIRECTORY)",
        238: "its state directory can't be made (238/STATE_DIRECTORY)",
        240: "its log directory can't be made (240/LOGS_DIRECTORY)",
        243: "its credentials can't be read or decrypted (243/CREDENTIALS)",
    ]
}
