import Synchronization

/// Hosts that the fleet goes on without: no plan has them, and nobody asks them to do anything.
package final class AsideHosts: Sendable {
    private let state = Mutex<Set<String>>([])

    package init() {}

    package var names: Set<String> { state.withLock { $0 } }

    package func set(_ names: Set<String>) { state.withLock { $0 = names } }
}
