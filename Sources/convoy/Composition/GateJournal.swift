import Gate
import Systemd

/// Where the gate's audit goes that has no file of its own: the journal, with fields, when systemd reads its
/// standard error; else standard error.
enum GateJournal {
    static func log() -> AuditLog {
        let journal = JournalLog(daemon: "gate")
        guard journal.form == .journal else { return .standardError() }
        return .journal { entry in journal.write(entry.message, entry.isRefusal ? .notice : .info, entry.fields) }
    }
}
