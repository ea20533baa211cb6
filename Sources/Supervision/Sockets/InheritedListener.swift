import CProcess

/// The listening socket that a process was given as its first listener (descriptor 3), copied back
/// from it: a supervisor that adopts a gate holds the gate's socket again, and the next gate inherits
/// it with all that waits in its queue. Needs what a debugger would need (root, or the same user
/// where the kernel lets users trace their own processes).
package enum InheritedListener {
    package static let firstListener: Int32 = 3

    /// Nil when the kernel says no; then a new socket is made once the process is gone.
    package static func take(from pid: Int32) -> Int32? {
        let descriptor = convoy_take_descriptor(pid, firstListener)
        return descriptor >= 0 ? descriptor : nil
    }
}
