import Dispatch
import Glibc

/// The signals of a daemon as a stream. From here to `restore` their default actions are off.
package struct DaemonSignals<Event: Sendable> {
    package let stream: AsyncStream<Event>
    private let sources: [any DispatchSourceSignal]
    private let numbers: [Int32]

    /// - Parameter events: what each signal means, such as `[SIGHUP: .reload]`.
    package init(_ events: [Int32: Event]) {
        let (stream, continuation) = AsyncStream<Event>.makeStream()
        self.stream = stream
        numbers = events.keys.sorted()
        let queue = DispatchQueue(label: "convoy.daemon.signals")
        sources = events.map { number, event in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(event) }
            source.resume()
            return source
        }
    }

    package func restore() {
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
    }
}
