import Fleet
import Planning
import Synchronization

/// systemd over the system bus. A thread of its own holds the connection, makes it again when it is lost,
/// and tells what it hears in the order in which systemd said it.
final class SystemdBus: Sendable {
    enum Event: Sendable {
        /// A change of a unit that systemd told of.
        case told(path: String, UnitFacts)
        /// The answer to a look at a unit.
        case found(UnitName, UnitFacts)
        /// The connection, or systemd's own, is new: what happened since the last event may not have been told.
        case restored
    }

    private let thread: BusThread

    /// hear: called on the bus's thread; it must not wait.
    init(address: String? = nil, hear: @escaping @Sendable (Event) -> Void) throws {
        thread = BusThread(address: address, hear: hear)
        try thread.begin()
    }

    deinit { thread.stop() }

    /// - Parameter timeout: how long systemd may take to answer.
    @discardableResult
    func call(_ request: BusRequest, timeout: Seconds) async throws(BusFault) -> BusReply {
        try await thread.ask(request, timeout: timeout, job: nil).get()
    }

    /// Returns the result of the job that the request makes: `done`, `failed`, `timeout`, ...
    func job(_ request: BusRequest, timeout: Seconds, within limit: Seconds) async throws(BusFault) -> String {
        try await thread.ask(request, timeout: timeout, job: limit).get().path
    }
}
