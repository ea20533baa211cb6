import Fleet
import Ports
import Synchronization

/// The nginx that is there already: it outlives every supervisor, and has a site of its own on port 8080.
final class FakeSharedEdge: Sendable {
    static let pid: Int32 = 77
    static let workers = ProcessPlan.UserAndGroup(user: 33, group: 33)

    private struct State {
        var isRunning = true
        var files: [String: [String: String]] = [:]
        var reloads = 0
        var refusal: Failure?
    }

    private let state = Mutex(State())

    /// What it includes of ours, by the file's path.
    var files: [String: [String: String]] { state.withLock(\.files) }
    var reloads: Int { state.withLock(\.reloads) }
    func stop() { state.withLock { $0.isRunning = false } }
    func start() { state.withLock { $0.isRunning = true } }
    func refuse(_ failure: Failure?) { state.withLock { $0.refusal = failure } }

    func serves(_ port: Int) -> Bool {
        state.withLock { state in
            state.isRunning
                && (port == 8080
                    || state.files.values.contains { $0["nginx.conf"]?.contains("listen 127.0.0.1:\(port)") == true })
        }
    }

    func including(_ file: String) -> any EdgeServer { Link(nginx: self, file: file) }

    private struct Link: EdgeServer {
        let nginx: FakeSharedEdge
        let file: String

        var isOwnProcess: Bool { false }

        private func change(_ files: [String: String]?) throws -> Bool {
            try nginx.state.withLock { state in
                if let refusal = state.refusal { throw refusal }
                guard state.files[file] != files else { return false }
                state.files[file] = files
                state.reloads += 1
                return true
            }
        }
        func install(_ files: [RenderedFile]) async throws -> Bool {
            guard master() != nil else { throw Failure(.unavailable, "no nginx", because: "it does not run", next: "") }
            return try change(Dictionary(files.map { ($0.path, $0.content) }, uniquingKeysWith: { $1 }))
        }
        func process() async throws -> ProcessPlan { throw CancellationError() }
        func remove() async throws { _ = try change(nil) }
        func master() -> Int32? { nginx.state.withLock(\.isRunning) ? FakeSharedEdge.pid : nil }
        func workers() throws -> ProcessPlan.UserAndGroup? { FakeSharedEdge.workers }
    }
}
