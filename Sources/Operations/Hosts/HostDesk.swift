import Fleet
import Planning
import Ports

/// The answering side: what `convoy host` does with the lines that it reads.
///
/// A peer that vanishes ends no work that is under way: it goes to its end under the lease, and whoever asks again
/// finds it done, or at it.
package struct HostDesk: Sendable {
    /// Carries a request out; words on the way go to the progress.
    package typealias Handler = @Sendable (HostRequest, any Progress) async throws -> JSONValue

    private let convoy: String
    private let send: @Sendable (String) -> Void
    private let handler: Handler

    /// - Parameter send: takes a line without its end. That nobody reads it any more is not its caller's business.
    package init(convoy: String, send: @escaping @Sendable (String) -> Void, handler: @escaping Handler) {
        self.convoy = convoy
        self.send = send
        self.handler = handler
    }

    /// Until the lines end, or one is no request of this protocol.
    package func serve(_ lines: some AsyncSequence<String, any Error>) async throws {
        var isGreeted = false
        for try await line in lines {
            if isGreeted {
                guard let request = HostRequest(line: line) else { return refuse("it is no request", line) }
                await answer(request)
            } else {
                guard let hello = HostHello(line: line) else { return refuse("it is no hello", line) }
                isGreeted = hello.protocol == HostProtocol.version && hello.convoy == convoy
                say(.greeting(isGreeted ? .welcome : .skewed, convoy: convoy))
                if !isGreeted { return }
            }
        }
    }

    private func answer(_ request: HostRequest) async {
        do {
            say(.done(try await handler(request, SpokenProgress { say(.word($0, $1)) })))
        } catch let failure as Failure {
            say(.failed(failure))
        } catch let error as SpecError {
            say(.failed(Failure(.badSpec, "cannot read the fleet's file", because: "\(error)", next: "correct it")))
        } catch {
            let what = "cannot carry out `\(request.ask.rawValue)`"
            say(.failed(Failure(.failed, what, because: "\(error)", next: "run it again")))
        }
    }

    private func refuse(_ why: String, _ line: String) {
        say(
            .failed(
                Failure(
                    .usage, "cannot read a line of \(line.utf8.count) bytes", because: why,
                    next: "`convoy host` is spoken to by `convoy bootstrap`, not by people")))
    }

    private func say(_ reply: HostReply) {
        guard let line = try? reply.line() else { return }
        send(line)
    }
}

private struct SpokenProgress: Progress {
    let say: @Sendable (HostReply.Kind, String) -> Void

    func step(_ text: String) { say(.step, text) }
    func detail(_ text: String) { say(.detail, text) }
}
