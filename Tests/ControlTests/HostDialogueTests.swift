import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Control

/// A `convoy host` that answers with the number of the conversation and of the request; `status` it never answers.
private final class NumberingLink: HostLink {
    let begun = Mutex(0)
    let ended = Mutex(0)
    private let convoy: String

    init(convoy: String = "0.1.0") { self.convoy = convoy }

    func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
        guard command.words == ["/usr/bin/convoy", "host"], case .descriptor(let number) = command.input else {
            return HostAnswer(exitCode: 127, errors: "not found")
        }
        let conversation = begun.withLock { count in
            count += 1
            return count
        }
        defer { ended.withLock { $0 += 1 } }
        var asked = 0
        for try await line in DeskLink.lines(of: number) {
            if let hello = HostHello(line: line) {
                let isSame = hello.convoy == convoy
                onLine(try HostReply.greeting(isSame ? .welcome : .skewed, convoy: convoy).line())
                if !isSame { break }
            } else if let request = HostRequest(line: line) {
                asked += 1
                switch request.ask {
                case .status: continue
                case .up: onLine(try HostReply.failed(Failure(.leaseHeld, "no", because: "not now", next: "")).line())
                case .sweep: return HostAnswer(exitCode: 255, errors: "Connection closed")
                default:
                    onLine(try HostReply.word(.detail, "on the way").line())
                    onLine(try HostReply.done(.string("\(conversation).\(asked)")).line())
                }
            }
        }
        return HostAnswer(exitCode: 0)
    }

    func close() async {}
}

@Suite("A conversation with one host", .timeLimit(.minutes(1)))
struct HostDialogueTests {
    private func said(_ dialogue: HostDialogue, _ ask: HostRequest.Verb = .more) async throws -> String? {
        try await dialogue.ask(HostRequest(ask)).stringValue
    }

    private func failure(_ dialogue: HostDialogue, _ ask: HostRequest.Verb) async -> Failure? {
        await #expect(throws: Failure.self) { try await dialogue.ask(HostRequest(ask)) }
    }

    @Test("requests build on each other, and a refusal ends nothing")
    func goesOn() async throws {
        let dialogue = HostDialogue(NumberingLink(), host: "web-1", convoy: "0.1.0")
        #expect(try await said(dialogue) == "1.1")
        #expect(try await said(dialogue) == "1.2")
        #expect(await failure(dialogue, .up)?.code == .leaseHeld)
        #expect(try await said(dialogue) == "1.4")
        await dialogue.close()
        #expect(try await said(dialogue) == "2.1")
        await dialogue.close()
    }

    @Test("a request that was given up ends the conversation: a late answer is nobody's")
    func givenUp() async throws {
        let link = NumberingLink()
        let dialogue = HostDialogue(link, host: "web-1", convoy: "0.1.0")
        #expect(try await said(dialogue) == "1.1")
        let asked = Task { try await dialogue.ask(HostRequest(.status)) }
        await Task.yield()
        asked.cancel()
        await #expect(throws: CancellationError.self) { try await asked.value }
        #expect(try await said(dialogue)?.hasSuffix(".1") == true)
        await dialogue.close()
    }

    @Test("a way that breaks off is unavailable, and another version is named")
    func ends() async throws {
        let dialogue = HostDialogue(NumberingLink(), host: "web-1", convoy: "0.1.0")
        let lost = await failure(dialogue, .sweep)
        #expect(lost?.code == .unavailable && lost?.why == "Connection closed")
        #expect(try await said(dialogue) == "2.1")
        let other = HostDialogue(NumberingLink(convoy: "0.0.9"), host: "web-1", convoy: "0.1.0")
        #expect(await failure(other, .more)?.why.contains("0.0.9") == true)
        await dialogue.close()
        await other.close()
    }
}
