import Fleet
import Glibc
import Ports
import Synchronization

/// What is known of where the output goes.
package struct Terminal: Sendable {
    package var outputIsTerminal: Bool
    package var errorIsTerminal: Bool
    package var width: Int
    package var useColour: Bool

    package static func current() -> Terminal {
        var size = winsize()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        return Terminal(
            outputIsTerminal: isTerminal, errorIsTerminal: isatty(STDERR_FILENO) == 1,
            width: known ? Int(size.ws_col) : 80, useColour: isTerminal && getenv("NO_COLOR") == nil)
    }

    package static func print(_ text: String) { write(text, to: STDOUT_FILENO) }
    package static func printError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// Progress on standard error: steps always when it is a terminal, details replaced in place; in a
/// pipe only the steps, each on a line, and nothing at all when told to be quiet.
package final class TerminalProgress: Progress {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let hasDetail = Mutex(false)

    package init(terminal: Terminal, isQuiet: Bool) {
        isTerminal = terminal.errorIsTerminal
        self.isQuiet = isQuiet
        start = clock.now
    }

    package func step(_ text: String) {
        guard !isQuiet else { return }
        endDetail()
        Terminal.printError("\(elapsed)  \(text)\n")
    }

    package func detail(_ text: String) {
        guard isTerminal, !isQuiet else { return }
        hasDetail.withLock { $0 = true }
        Terminal.printError("\r\u{1B}[K\(elapsed)  \(text)")
    }

    package func endDetail() {
        let had = hasDetail.withLock { flag in
            defer { flag = false }
            return flag
        }
        if had { Terminal.printError("\r\u{1B}[K") }
    }

    private var elapsed: String {
        let tenths = Int((clock.now - start) / .milliseconds(100))
        let text = "\(tenths / 10).\(tenths % 10)s"
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }
}
