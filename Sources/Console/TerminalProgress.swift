import Fleet
import Ports
import Synchronization

/// Progress on standard error: steps always when it is a terminal, details replaced in place, and of many hosts a
/// table that is drawn anew; in a pipe only the steps, each on a line, and nothing at all when told to be quiet.
package final class TerminalProgress: Progress {
    private struct Drawing {
        var hasDetail = false
        var rows = HostRows()
        /// Lines of the table that are on the terminal.
        var drawn = 0
        var isTicking = false
    }

    private static let pace = Duration.milliseconds(500)

    private let isTerminal: Bool
    private let isQuiet: Bool
    private let width: Int
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let drawing = Mutex(Drawing())

    package init(terminal: Terminal, isQuiet: Bool) {
        isTerminal = terminal.errorIsTerminal
        self.isQuiet = isQuiet
        width = terminal.width
        start = clock.now
    }

    package func step(_ text: String) {
        guard !isQuiet else { return }
        drawing.withLock { drawing in
            Terminal.printError(erased(&drawing) + "\(elapsed)  \(text)\n" + table(&drawing))
        }
    }

    package func detail(_ text: String) {
        guard isTerminal, !isQuiet else { return }
        drawing.withLock { drawing in
            guard drawing.rows.isEmpty else { return }
            drawing.hasDetail = true
            Terminal.printError("\r\u{1B}[K\(elapsed)  \(text)")
        }
    }

    package func host(_ name: String, at work: String?) {
        guard isTerminal, !isQuiet else { return }
        let begins = drawing.withLock { drawing in
            drawing.rows.note(name, at: work, now: seconds)
            Terminal.printError(erased(&drawing) + table(&drawing))
            guard !drawing.rows.isEmpty, !drawing.isTicking else { return false }
            drawing.isTicking = true
            return true
        }
        if begins { Task { await tick() } }
    }

    package func endDetail() {
        drawing.withLock { drawing in
            drawing.rows = HostRows()
            let text = erased(&drawing)
            if !text.isEmpty { Terminal.printError(text) }
        }
    }

    /// Seconds pass also when nothing is told.
    private func tick() async {
        while true {
            try? await Task.sleep(for: Self.pace)
            let goesOn = drawing.withLock { drawing in
                drawing.isTicking = !drawing.rows.isEmpty
                if drawing.isTicking { Terminal.printError(erased(&drawing) + table(&drawing)) }
                return drawing.isTicking
            }
            guard goesOn else { return }
        }
    }

    private func erased(_ drawing: inout Drawing) -> String {
        defer { (drawing.hasDetail, drawing.drawn) = (false, 0) }
        return (drawing.hasDetail ? "\r\u{1B}[K" : "") + (drawing.drawn > 0 ? "\u{1B}[\(drawing.drawn)A\u{1B}[J" : "")
    }

    private func table(_ drawing: inout Drawing) -> String {
        let lines = drawing.rows.lines(now: seconds, width: width)
        drawing.drawn = lines.count
        return lines.map { $0 + "\n" }.joined()
    }

    private var seconds: Double { (clock.now - start) / .seconds(1) }

    private var elapsed: String {
        let tenths = Int(seconds * 10)
        let text = "\(tenths / 10).\(tenths % 10)s"
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }
}
