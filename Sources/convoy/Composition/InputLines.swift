import Fleet
import Foundation
import Planning

/// Lines of standard input as they come. A line that is longer than any of ours ends them.
struct InputLines: AsyncSequence, Sendable {
    typealias Element = String
    typealias Failure = any Error

    func makeAsyncIterator() -> AsyncThrowingStream<String, any Error>.Iterator { stream.makeAsyncIterator() }

    private let stream: AsyncThrowingStream<String, any Error>

    init() {
        let (stream, lines) = AsyncThrowingStream.makeStream(of: String.self)
        self.stream = stream
        // Of its own: a read that waits would hold up a thread that tasks share.
        Thread.detachNewThread {
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while rest.count <= HostProtocol.longestLine {
                let count = read(STDIN_FILENO, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                rest += buffer[..<count]
                while let end = rest.firstIndex(of: 10) {
                    lines.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            if !rest.isEmpty { lines.yield(String(decoding: rest, as: UTF8.self)) }
            lines.finish()
        }
    }
}
