import Fleet
import Ports

/// What the contract needs of a backend's world: plans that the backend can start, and someone outside of it.
package protocol ProcessStage: Sendable {
    /// A backend as a supervisor that has just begun makes it. Only the youngest is told of exits.
    func backend() throws -> any ProcessBackend
    /// A process that runs until it is told to end.
    func lasting(_ id: String) -> ProcessPlan
    /// A process that ends at once, with code 1.
    func ephemeral(_ id: String) -> ProcessPlan
    /// A process that can't be executed.
    func impossible(_ id: String) -> ProcessPlan
    /// Kills from outside, as the kernel does when memory is short.
    func kill(_ record: ProcessRecord) throws
}
