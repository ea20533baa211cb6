import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("Convoy host, answering")
struct HostDeskTests {
    private func served(_ lines: [String], _ handler: @escaping HostDesk.Handler = { _, _ in .bool(true) }) async throws
        -> [HostReply]
    {
        let said = Mutex<[String]>([])
        let desk = HostDesk(convoy: "0.1.0", send: { line in said.withLock { $0.append(line) } }, handler: handler)
        let stream = AsyncThrowingStream<String, any Error> { continuation in
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }
        try await desk.serve(stream)
        let all = said.withLock { $0 }
        #expect(all.allSatisfy { !$0.contains("\n") })
        return try all.map { try #require(HostReply(line: $0)) }
    }

    private let hello = HostHello(convoy: "0.1.0")

    @Test("it greets, tells what is on the way, and answers each request")
    func answers() async throws {
        let requests = try [HostRequest(.plan), HostRequest(.up)].map { try $0.line() }
        let replies = try await served([try hello.line()] + requests) { request, progress in
            progress.step("one\ntwo")
            return .string(request.ask.rawValue)
        }
        #expect(replies.map(\.kind) == [.welcome, .step, .done, .step, .done])
        #expect(replies.compactMap(\.answer) == [.string("plan"), .string("up")])
        #expect(replies[1].text == "one\ntwo")
    }

    @Test(
        "another version is refused with its own, and nothing is carried out",
        arguments: [HostHello(convoy: "0.0.9"), HostHello(protocol: 2, convoy: "0.1.0")])
    func skew(hello: HostHello) async throws {
        let replies = try await served([try hello.line(), try HostRequest(.up).line()]) { _, _ in
            Issue.record("carried out")
            return .null
        }
        #expect(replies == [.greeting(.skewed, convoy: "0.1.0")])
    }

    @Test(
        "rubbish ends the conversation with a reason, before or after the hello",
        arguments: [
            "", "ls -l", "{}", #"{"ask":"destroy","with":{}}"#, "[]", "\u{0}", String(repeating: "x", count: 2_000_000),
        ])
    func rubbish(line: String) async throws {
        for before in [[], [try hello.line()]] {
            let replies = try await served(before + [line, try HostRequest(.up).line()]) { _, _ in
                Issue.record("carried out")
                return .null
            }
            #expect(replies.last?.kind == .failed && replies.last?.failure?.code == .usage)
            #expect(replies.count == before.count + 1)
        }
    }

    @Test("failures come back as they are, and the next request is still answered")
    func failures() async throws {
        let lease = Failure(.leaseHeld, "cannot up", because: "a", next: "b")
        let replies = try await served(
            [try hello.line(), try HostRequest(.up).line(), try HostRequest(.hello).line()]
        ) { request, _ in
            if request.ask == .up { throw lease }
            return .null
        }
        #expect(replies.map(\.kind) == [.welcome, .failed, .done])
        #expect(replies[1].failure?.code == .leaseHeld && replies[1].failure?.why == "a")
    }

    @Test("a peer that vanishes after its question does not end the work")
    func vanished() async throws {
        let done = Mutex(false)
        let desk = HostDesk(convoy: "0.1.0", send: { _ in }) { _, progress in
            progress.step("nobody hears")
            await Task.yield()
            done.withLock { $0 = true }
            return .null
        }
        let lines = [try hello.line(), try HostRequest(.up).line()]
        let stream = AsyncThrowingStream<String, any Error> { continuation in
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }
        try await desk.serve(stream)
        #expect(done.withLock { $0 })
    }
}
