import Fleet
import Ports
import Synchronization

/// A host with systemd, as far as the use cases see it.
final class FakeUnits: UnitHost, CredentialVault {
    private struct State {
        var isNeeded = false
        var files: [String: String] = [:]
        var names: [String: [String]] = [:]
        var dropIns: [String: [String]] = [:]
        var kept: Set<String>?
        var owners: [String: ProcessPlan.UserAndGroup] = [:]
        var encrypts = true
    }

    private let disk: FakeDisk
    private let state = Mutex(State())

    init(disk: FakeDisk) { self.disk = disk }

    var isNeeded: Bool { state.withLock(\.isNeeded) }
    func need(encrypting: Bool = true) {
        state.withLock { ($0.isNeeded, $0.encrypts) = (true, encrypting) }
    }
    /// Unit files that no process stands for, by name.
    var files: [String: String] { state.withLock(\.files) }
    /// The instances that the last sweep spared.
    var kept: Set<String>? { state.withLock(\.kept) }
    /// Of sockets that were given away.
    var owners: [String: ProcessPlan.UserAndGroup] { state.withLock(\.owners) }
    /// As after a boot: systemd listens anew.
    func forgetOwners() { state.withLock { $0.owners = [:] } }
    func name(_ host: String, _ addresses: [String]) { state.withLock { $0.names[host] = addresses } }
    func change(_ id: String, by path: String) { state.withLock { $0.dropIns[id, default: []].append(path) } }

    func provide(_ file: RenderedFile) async throws { state.withLock { $0.files[file.path] = file.content } }
    func sweep(except ids: Set<String>) async { state.withLock { $0.kept = ids } }
    func dropIns(of id: String) async -> [String] { state.withLock { $0.dropIns[id] ?? [] } }
    func give(_ socket: String, to owner: ProcessPlan.UserAndGroup) throws {
        state.withLock { $0.owners[socket] = owner }
    }
    func addresses(of host: String) async -> [String] {
        if host.first?.isNumber == true { return [host] }
        return state.withLock { $0.names[host] ?? [] }
    }

    func seal(_ content: Secret, named name: String, to path: String) async throws {
        let encrypts = state.withLock(\.encrypts)
        disk[path] = encrypts ? "sealed \(name)" : content.reveal()
    }
}
