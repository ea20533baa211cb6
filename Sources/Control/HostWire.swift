import Dispatch
import Fleet
import Planning
import Ports
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The way to a supervisor on another host: one conversation with the `convoy host control` there, which goes on as
/// long as the way holds, for any number of requests at once. A way that is lost is opened anew by the next request.
package actor HostWire: ControlWay {
    private let link: any HostLink
    private let host: String
    private let convoy: String
    private var conversation: Conversation?
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

    private func open() throws -> Conversation {
        let opened = try Conversation()
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
            let failure = Failure(
                .failed, "cannot work with the convoy on \(host)",
                because: "it is \(reply.convoy ?? "of unknown version"), this one is \(convoy)",
                next: "`convoy bootstrap --package convoy_\(convoy)_ARCH.deb` brings it this one")
            fail(all: failure)
        }
    }

    private func ended(_ one: Conversation, _ error: any Error) {
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

    private static func brokeOff(_ host: String, _ answer: HostAnswer) -> Failure {
        Failure(
            .unavailable, "the conversation with \(host) broke off",
            because: answer.errors.isEmpty ? "it ended with \(answer.exitCode)" : answer.errors, next: "run it again")
    }
}

/// Our end of a pair of sockets; the other is what the command reads.
private final class Conversation: Sendable {
    let theirs: Int32
    private let ours: Int32
    private let isOpen = Mutex(true)
    /// Of its own: a host that reads nothing must hold up nobody else.
    private let queue = DispatchQueue(label: "convoy.wire")

    init() throws {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw Failure(
                .unavailable, "cannot speak with a host", because: String(cString: strerror(errno)),
                next: "raise the limit of open files, then run it again")
        }
        (ours, theirs) = (pair[0], pair[1])
    }

    deinit { close(ours) }

    /// In order. That nobody reads it any more is told by the conversation's end.
    func say(_ line: String) {
        queue.async { [self] in
            var rest = Array((line + "\n").utf8)[...]
            while !rest.isEmpty, isOpen.withLock({ $0 }) {
                let count = rest.withUnsafeBytes { send(ours, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    func end() {
        let wasOpen = isOpen.withLock { open in
            defer { open = false }
            return open
        }
        if wasOpen { shutdown(ours, Int32(SHUT_RDWR)) }
    }
}
