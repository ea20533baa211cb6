import Fleet
import Planning
import Ports

/// The way to a supervisor on another host: one conversation with the `convoy host control` there, which goes on as
/// long as the way holds, for any number of requests at once. A way that is lost is opened anew by the next request.
package actor HostWire: ControlWay {
    private let link: any HostLink
    private let host: String
    private let convoy: String
    private var conversation: HostConversation?
    private var lastID = 0
    private var pending: [Int: CheckedContinuation<ControlReply, any Error>] = [:]

    /// - Parameter convoy: the version that both sides have to be.
    package init(_ link: any HostLink, host: String, convoy: String) {
        self.link = link
        self.host = host
        self.convoy = convoy
    }

    func exchange(_ request: ControlLine) async throws -> ControlReply {
        let reply = try await answer(request)
        if let fault = reply.fault { throw fault.failure }
        return reply
    }

    private func answer(_ request: ControlLine) async throws -> ControlReply {
        try Task.checkCancellation()
        lastID += 1
        var request = request
        request.id = lastID
        let (id, line) = (lastID, try request.line())
        let conversation = try self.conversation ?? open()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                pending[id] = continuation
                conversation.say(line)
            }
        } onCancel: {
            Task { await self.give(up: id) }
        }
    }

    package func close() async {
        conversation?.end()
        conversation = nil
        await link.close()
    }

    private func give(up id: Int) { pending.removeValue(forKey: id)?.resume(throwing: CancellationError()) }

    // MARK: The conversation

    private func open() throws -> HostConversation {
        let opened = try HostConversation()
        conversation = opened
        opened.say(try HostHello(convoy: convoy).line())
        let (lines, heard) = AsyncStream.makeStream(of: String.self)
        Task { [link] in
            let end: any Error
            do {
                let command = HostCommand(["/usr/bin/convoy", "host", "control"], input: .descriptor(opened.theirs))
                let answer = try await link.run(command) { heard.yield($0) }
                end = Self.brokeOff(host, answer)
            } catch {
                end = (error as? LinkFault)?.failure ?? error
            }
            heard.finish()
            self.ended(opened, end)
        }
        Task { for await line in lines { self.hear(line) } }
        return opened
    }

    private func hear(_ line: String) {
        if let reply = try? ControlProtocol.decode(ControlReply.self, from: .init(line.utf8)) {
            pending.removeValue(forKey: reply.id)?.resume(returning: reply)
        } else if let reply = HostReply(line: line), reply.kind == .skewed {
            fail(all: Self.skewed(host, reply, convoy))
        }
    }

    private func ended(_ one: HostConversation, _ error: any Error) {
        one.end()
        guard conversation === one else { return }
        conversation = nil
        fail(all: error)
    }

    private func fail(all error: any Error) {
        let waiting = pending
        pending = [:]
        for continuation in waiting.values { continuation.resume(throwing: error) }
    }

    static func skewed(_ host: String, _ reply: HostReply, _ convoy: String) -> Failure {
        Failure(
            .failed, "cannot work with the convoy on \(host)",
            because: "it is \(reply.convoy ?? "of unknown version"), this one is \(convoy)",
            next: "`convoy bootstrap --package convoy_\(convoy)_ARCH.deb` brings it this one")
    }

    static func brokeOff(_ host: String, _ answer: HostAnswer) -> Failure {
        Failure(
            .unavailable, "the conversation with \(host) broke off",
            because: answer.errors.isEmpty ? "it ended with \(answer.exitCode)" : answer.errors, next: "run it again")
    }
}
