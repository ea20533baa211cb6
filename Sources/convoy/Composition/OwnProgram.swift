import Foundation
import Ports

/// This program as the file that it was started from.
enum OwnProgram {
    /// Whether the process runs another file, as after an upgrade of the package.
    ///
    /// The kernel tells of other users' programs only who may trace them. Who may not goes by time: a program that
    /// was put there after the process began is not what it runs.
    static func isNewer(than record: ProcessRecord) -> Bool {
        guard let own = status("/proc/self/exe") else { return false }
        if let theirs = status("/proc/\(record.pid)/exe") {
            return (own.st_dev, own.st_ino) != (theirs.st_dev, theirs.st_ino)
        }
        var (now, uptime) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &now)
        clock_gettime(CLOCK_BOOTTIME, &uptime)
        let age = seconds(uptime) - Double(record.startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))
        return seconds(own.st_ctim) > seconds(now) - age
    }

    private static func seconds(_ time: timespec) -> Double { Double(time.tv_sec) + Double(time.tv_nsec) / 1e9 }

    private static func status(_ path: String) -> stat? {
        var found = stat()
        return stat(path, &found) == 0 ? found : nil
    }
}
