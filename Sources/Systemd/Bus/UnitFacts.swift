import CSystemd
import Glibc
import Planning

/// What systemd says of a unit; empty where it did not say.
struct UnitFacts: Sendable {
    var loadState = ""
    var loadError = ""
    var activeState = ""
    var result = ""
    var dropIns: [String] = []
    var needsReload = false
    /// The main process; 0 when there is none.
    var mainPID: Int32 = 0
    /// Nil when this was not about the main process.
    var sighting: UnitMachine.Sighting?
}

extension UnitFacts {
    init(_ facts: convoy_unit_facts) {
        loadState = String(cString: facts.load_state)
        loadError = String(cString: facts.load_error)
        activeState = String(cString: facts.active_state)
        result = String(cString: facts.result)
        dropIns = String(cString: facts.drop_ins).split(separator: "\n").map { String($0) }
        needsReload = facts.needs_reload != 0
        mainPID = facts.main_pid
        sighting = facts.tells_main == 0 ? nil : UnitMachine.Sighting(facts)
    }
}

extension UnitMachine.Sighting {
    fileprivate init(_ facts: convoy_unit_facts) {
        guard facts.last_started > 0, facts.last_pid > 0 else {
            self.init(life: nil, end: nil)
            return
        }
        let life = UnitMachine.Life(pid: facts.last_pid, startedAt: facts.last_started)
        let goesOn = facts.main_pid == facts.last_pid
        self.init(life: life, end: goesOn ? nil : UnitMachine.End(code: facts.last_code, status: facts.last_status))
    }
}

extension UnitMachine.End {
    fileprivate init(code: Int32, status: Int32) {
        switch code {
        case Int32(CLD_EXITED): self = .exited(code: status)
        case Int32(CLD_KILLED), Int32(CLD_DUMPED): self = .signalled(status)
        default: self = .unknown
        }
    }
}
