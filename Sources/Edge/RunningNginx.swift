import Fleet
import Foundation
import Glibc
import Ports

/// An nginx that somebody else starts and stops, as the kernel shows it.
struct RunningNginx: Sendable {
    /// Of its master.
    let pid: Int32

    init(pid: Int32) { self.pid = pid }

    /// Nil when no nginx has the id in the file: one from before a restart of the machine can name anybody.
    init?(pidFile: String) {
        let text = (try? String(contentsOfFile: pidFile, encoding: .utf8)) ?? ""
        guard let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 1,
            Entry(pid)?.name == "nginx"
        else { return nil }
        self.pid = pid
    }

    /// Each generation of the configuration has workers of its own, so new ones tell that it was taken.
    var workers: Set<Int32> {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return Set(all.compactMap { Int32($0) }.filter { Entry($0)?.parent == pid })
    }

    /// One of its workers; nil when there are none.
    var worker: Entry? { workers.sorted().lazy.compactMap { Entry($0) }.first }

    /// Tells it to read its configuration, and returns once it has. Throws a `Failure` when it did not.
    func reload() async throws {
        let before = workers
        guard kill(pid, SIGHUP) == 0 else {
            throw refusal("the process \(pid) may not be signalled", next: "run convoy as root, or as nginx's owner")
        }
        for _ in 0..<500 {
            if !workers.subtracting(before).isEmpty { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw refusal(
            "after 5 s none of its processes has the new configuration",
            next: "read its error log, such as /var/log/nginx/error.log: perhaps a port is taken")
    }

    private func refusal(_ why: String, next: String) -> Failure {
        Failure(.failed, "nginx (pid \(pid)) does not take its configuration", because: why, next: next)
    }
}

extension RunningNginx {
    /// What `/proc/PID/status` says.
    struct Entry: Sendable {
        let name: String
        let parent: Int32
        let user: UInt32
        let group: UInt32
        let groups: Set<UInt32>

        /// Nil when there is no such process.
        init?(_ pid: Int32) {
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
            var fields: [Substring: [Substring]] = [:]
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { fields[parts[0]] = parts[1].split { $0 == "\t" || $0 == " " } }
            }
            // Real, effective, saved, of files: the second is what may be done.
            guard let name = fields["Name"]?.first, let parent = fields["PPid"]?.first.flatMap({ Int32($0) }),
                let users = fields["Uid"], users.count > 1, let user = UInt32(users[1]),
                let all = fields["Gid"], all.count > 1, let group = UInt32(all[1])
            else { return nil }
            self.name = String(name)
            self.parent = parent
            self.user = user
            self.group = group
            groups = Set((fields["Groups"] ?? []).compactMap { UInt32($0) }).union([group])
        }

        /// The first directory on the way to the path that it does not get through; nil = none.
        func barrier(to path: String) -> String? {
            guard user != 0 else { return nil }
            var current = ""
            for part in path.split(separator: "/").dropLast() {
                current += "/" + part
                var status = stat()
                guard stat(current, &status) == 0 else { return nil }
                let bit: mode_t =
                    status.st_uid == user ? 0o100 : groups.contains(status.st_gid) ? 0o010 : 0o001
                if status.st_mode & bit == 0 { return current }
            }
            return nil
        }
    }
}
