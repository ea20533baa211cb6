import Fleet
import Foundation
import Planning
import Ports

/// This machine: its clock since boot, its processes.
package struct SystemWitness: LeaseWitness {
    private let boot = SystemWitness.boot

    package init() {}

    package func now() -> LeaseMoment {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return LeaseMoment(boot: boot, seconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }

    /// Of another host, or of another container on this one, nothing can be said.
    package func isGone(_ holder: LeaseHolder) -> Bool {
        guard holder.host == Self.host, !holder.namespace.isEmpty, holder.namespace == Self.namespace else {
            return false
        }
        return Self.startTicks(holder.pid) != holder.startTicks
    }

    /// This very process, as the holder of a lease for `verb`.
    package static func holder(for verb: String) -> LeaseHolder {
        LeaseHolder(
            name: "\(user)@\(host)", host: host, pid: getpid(), startTicks: startTicks(getpid()) ?? 0,
            namespace: namespace, verb: verb)
    }

    /// In a container the id is a mount of its own, which the sandbox of a unit hides: there systemd tells it.
    private static var boot: String {
        let told = ProcessInfo.processInfo.environment["CONVOY_BOOT_ID"]
        let id = (told ?? text("/proc/sys/kernel/random/boot_id") ?? "").lowercased().filter(\.isHexDigit)
        return id.isEmpty ? "unknown" : id
    }

    /// Who typed it, also behind sudo.
    private static var user: String {
        let environment = ProcessInfo.processInfo.environment
        let behindSudo = geteuid() == 0 ? environment["SUDO_USER"] : nil
        let name = behindSudo ?? getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
        return String(name.filter { $0.isLetter || $0.isNumber || "._-".contains($0) }.prefix(64))
    }

    private static var host: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Nil when no such process runs.
    private static func startTicks(_ pid: Int32) -> UInt64? {
        text("/proc/\(pid)/stat").flatMap(ProcessStatLine.init)?.startTicks
    }

    private static var namespace: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
