import Fleet
import Planning
import Ports

/// A conversation with one `convoy host`, for requests that build on each other: one after the other, over a way of
/// its own. Given up or lost, the next request begins another.
package actor HostDialogue {
    private let link: any HostLink
    private let host: String
    private let convoy: String
    private var conversation: HostConversation?
    private var pending: CheckedContinuation<JSONValue, any Error>?

    /// - Parameter convoy: the version that both sides have to be.
    package init(_ link: any HostLink, host: String, convoy: String) {
        self.link = link
        self.host = host
        self.convoy = convoy
    }

    /// Throws `.unavailable` when the conversation broke off. Only one at a time.
    package func ask(_ request: HostRequest) async throws -> JSONValue {
        try Task.checkCancellation()
        let line = try request.line()
        let conversation = try self.conversation ?? open()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                pending = continuation
                conversation.say(line)
            }
        } onCancel: {
            // What is answered late would be taken for the next answer.
            Task { await self.ended(conversation, CancellationError()) }
        }
    }

    package func close() async {
        if let conversation { ended(conversation, CancellationError()) }
    }

    private func open() throws -> HostConversation {
        let opened = try HostConversation()
        conversation = opened
        opened.say(try HostHello(convoy: convoy).line())
        let (lines, heard) = AsyncStream.makeStream(of: String.self)
        let hearing = Task { for await line in lines { self.hear(line, of: opened) } }
        Task { [link, host] in
            let end: any Error
            do {
                let command = HostCommand(["/usr/bin/convoy", "host"], input: .descriptor(opened.theirs))
                end = HostWire.brokeOff(host, try await link.run(command) { heard.yield($0) })
            } catch {
                end = (error as? LinkFault)?.failure ?? error
            }
            heard.finish()
            // What was said before the end may be its reason.
            await hearing.value
            self.ended(opened, end)
        }
        return opened
    }

    private func hear(_ line: String, of one: HostConversation) {
        guard conversation === one, let reply = HostReply(line: line) else { return }
        switch reply.kind {
        case .welcome, .step, .detail: return
        case .done: finish(.success(reply.answer ?? .null))
        case .failed:
            let fault = reply.failure
            finish(
                .failure(
                    Failure(
                        fault?.code ?? .failed, fault?.what ?? "cannot go on",
                        because: fault?.why ?? "no reason was given", next: fault?.next ?? "")))
        case .skewed: ended(one, HostWire.skewed(host, reply, convoy))
        }
    }

    private func ended(_ one: HostConversation, _ error: any Error) {
        one.end()
        guard conversation === one else { return }
        conversation = nil
        finish(.failure(error))
    }

    private func finish(_ result: Result<JSONValue, any Error>) {
        pending?.resume(with: result)
        pending = nil
    }
}

/// The logs of a host over such a conversation.
package struct HostLogSource: LogSource {
    private let dialogue: HostDialogue

    package init(_ dialogue: HostDialogue) { self.dialogue = dialogue }

    package func begin(_ question: LogQuestion) async throws -> LogPage {
        let text = String(decoding: try ControlProtocol.encode(question), as: UTF8.self)
        return try page(try await dialogue.ask(HostRequest(.logs, with: ["question": text])))
    }

    package func next() async throws -> LogPage { try page(try await dialogue.ask(HostRequest(.more))) }

    package func close() async { await dialogue.close() }

    private func page(_ answer: JSONValue) throws -> LogPage {
        guard let page = answer.decoded(LogPage.self) else {
            throw Failure(.failed, "cannot read a host's logs", because: "its answer is no page of them", next: "")
        }
        return page
    }
}
