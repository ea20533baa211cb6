import Glibc

/// What `/proc/PID/stat` tells about a process.
struct ProcessStat: Equatable {
    var state: Character
    var group: Int32
    var session: Int32
    var startTicks: UInt64

    /// Dead, waiting to be reaped: nothing of it runs any more.
    var isGone: Bool { state == "Z" || state == "X" }

    /// Nil when there is no such process.
    init?(pid: Int32) {
        guard let bytes = try? OwnedDescriptor(opening: "/proc/\(pid)/stat", O_RDONLY).readAll() else { return nil }
        self.init(parsing: String(decoding: bytes, as: UTF8.self))
    }

    /// `12 (name) S 1 12 12 ...`: the name may hold spaces and parentheses, so count from the last one.
    init?(parsing text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let group = Int32(fields[2]),
            let session = Int32(fields[3]), let startTicks = UInt64(fields[19])
        else { return nil }
        self.state = state
        self.group = group
        self.session = session
        self.startTicks = startTicks
    }
}

/// Clock ticks since boot, the unit of `startTicks`.
func ticksSinceBoot() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    let rate = UInt64(sysconf(Int32(_SC_CLK_TCK)))
    return UInt64(now.tv_sec) * rate + UInt64(now.tv_nsec) * rate / 1_000_000_000
}
