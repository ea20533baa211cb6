import Fleet
import Planning

/// The other end of a `HostWire`: hands requests to this host's supervisor, any number at once, and its answers back.
///
/// Whom a request comes from is root here; what it may change the supervisor judges by its fence.
package struct ControlDesk: Sendable {
    private let convoy: String
    private let way: any ControlWay
    private let send: @Sendable (String) -> Void

    /// - Parameter send: takes a line without its end, from any thread.
    package init(convoy: String, socket: String, send: @escaping @Sendable (String) -> Void) {
        self.convoy = convoy
        way = SocketWay(socket)
        self.send = send
    }

    /// Until the lines end. What is under way then goes to its end at the supervisor, but for questions.
    package func serve(_ lines: some AsyncSequence<String, any Error>) async throws {
        var isGreeted = false
        try await withThrowingTaskGroup(of: Void.self) { group in
            for try await line in lines {
                if isGreeted {
                    guard let request = try? ControlProtocol.decode(ControlLine.self, from: .init(line.utf8)) else {
                        break
                    }
                    group.addTask { await answer(request) }
                } else {
                    guard let hello = HostHello(line: line) else { break }
                    isGreeted = hello.protocol == HostProtocol.version && hello.convoy == convoy
                    say(try HostReply.greeting(isGreeted ? .welcome : .skewed, convoy: convoy).line())
                    if !isGreeted { break }
                }
            }
            group.cancelAll()
        }
        await way.close()
    }

    private func answer(_ request: ControlLine) async {
        var reply = ControlReply(id: request.id)
        do {
            reply = try await way.exchange(request)
        } catch {
            reply.fault = FailureDocument(Failure(anything: error))
        }
        guard !Task.isCancelled, let line = try? reply.line() else { return }
        say(line)
    }

    private func say(_ line: String) { send(line) }
}
