import Fleet
import Glibc

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
