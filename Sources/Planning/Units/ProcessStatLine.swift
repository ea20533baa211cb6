/// A line of `/proc/PID/stat`.
package struct ProcessStatLine: Sendable, Equatable {
    /// Clock ticks after boot.
    package var startTicks: UInt64

    /// Nil when it is no such line, and for a process that is dead but not reaped.
    ///
    /// `12 (name) S 1 12 12 ...`: the name may hold spaces and parentheses, so count from the last one.
    package init?(_ text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, !["Z", "X"].contains(fields[0]), let ticks = UInt64(fields[19]) else { return nil }
        startTicks = ticks
    }
}
