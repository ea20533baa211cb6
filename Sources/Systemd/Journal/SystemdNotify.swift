import CSystemd
import Fleet
import Foundation

/// Tells systemd how its daemon is. Does nothing where systemd did not ask (`NOTIFY_SOCKET`).
package struct SystemdNotify: Sendable {
    /// How often `alive` must be said at least; nil when no watchdog is set for this process. Half of
    /// `WatchdogSec=`, as systemd advises.
    package let pace: Seconds?

    /// - Parameter environment: the process's own as a rule.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment, pid: Int32 = getpid()) {
        let isMeant = environment["WATCHDOG_PID"].map { Int32($0) == pid } ?? true
        let limit = environment["WATCHDOG_USEC"].flatMap { Double($0) }
        pace = isMeant ? limit.flatMap { $0 > 0 ? Seconds($0 / 2_000_000) : nil } : nil
    }

    /// It serves from now on. With `Type=notify`, what is ordered after it begins now.
    package func ready(_ status: String) { send(["READY=1", "STATUS=" + oneLine(status)]) }
    /// Shown by `systemctl status`.
    package func status(_ text: String) { send(["STATUS=" + oneLine(text)]) }
    package func stopping(_ status: String = "stopping") { send(["STOPPING=1", "STATUS=" + oneLine(status)]) }
    /// Feeds the watchdog. To be said by the loop whose stall is to be noticed, and by nobody else.
    package func alive() { send(["WATCHDOG=1"]) }

    private func send(_ lines: [String]) { _ = convoy_notify(lines.joined(separator: "\n")) }

    /// A second line would be an assignment of its own.
    private func oneLine(_ text: String) -> String { text.split(whereSeparator: \.isNewline).joined(separator: "; ") }
}
