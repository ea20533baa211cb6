import Dispatch
import Glibc

/// The signals of a daemon as a stream. From here to `restore` their default actions are off.
struct RefresherSignals {
    enum Event: Sendable { case reload, stop }

    let stream: AsyncStream<Event>
    private let sources: [any DispatchSourceSignal]
    private static let events: [(Int32, Event)] = [(SIGHUP, .reload), (SIGTERM, .stop), (SIGINT, .stop)]

    init() {
        let (stream, continuation) = AsyncStream<Event>.makeStream()
        self.stream = stream
        let queue = DispatchQueue(label: "convoy.refresher.signals")
        sources = Self.events.map { number, event in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(event) }
            source.resume()
            return source
        }
    }

    func restore() {
        for source in sources { source.cancel() }
        for (number, _) in Self.events { signal(number, SIG_DFL) }
    }
}
