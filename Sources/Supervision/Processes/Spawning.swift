import Glibc
import Synchronization

/// Held while a child exists that did not exec yet: until it closes them it has a copy of every
/// descriptor of ours, and would keep a port or a lock that we just let go of.
let spawning = Mutex(())

/// When it returns, what the descriptor held is free: not only soon.
func closeEverywhere(_ descriptor: Int32) {
    _ = spawning.withLock { _ in close(descriptor) }
}
