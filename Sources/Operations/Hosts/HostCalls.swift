import Fleet
import Planning
import Ports
import Synchronization

/// Single requests to the `convoy host` of one host, and files on their way there.
struct HostCalls: Sendable {
    let host: HostSpec
    let link: any HostLink
    /// That both sides have to be.
    let convoy: String
    let progress: any Progress

    func ask(_ request: HostRequest) async throws -> JSONValue {
        let talk = Mutex(HostTalk(host: host.name, convoy: convoy))
        let question = try talk.withLock { try $0.question(request) }
        let (name, progress) = (host.name, progress)
        progress.host(name, at: request.ask.words)
        defer { progress.host(name, at: nil) }
        let answer = try await run(HostCommand(HostScripts.convoy, input: .bytes(question))) { line in
            if case .detail(let text) = talk.withLock({ $0.hear(line) }) { progress.host(name, at: text) }
        }
        if let value = try talk.withLock({ try $0.answer() }) { return value }
        throw failure("the convoy on \(name) broke off", answer)
    }

    /// Whole and as promised, or not at all.
    func upload(_ file: String, to path: String, digest: Digest) async throws {
        progress.host(host.name, at: "sending \(file.split(separator: "/").last ?? "a file")")
        defer { progress.host(host.name, at: nil) }
        let command = HostCommand.script(HostScripts.upload, [path, "644", digest.hex], input: .file(file))
        let answer = try await run(command) { _ in }
        guard !answer.succeeded else { return }
        throw failure("cannot write \(path) on \(host.name)", answer)
    }

    /// What went wrong on the way is told as any other reason.
    private func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
        do {
            return try await link.run(command, onLine: onLine)
        } catch let fault as LinkFault {
            throw fault.failure
        }
    }

    private func failure(_ what: String, _ answer: HostAnswer) -> Failure {
        let said = answer.errors.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
        return Failure(
            .failed, what, because: said.isEmpty ? "it ended with \(answer.exitCode) and said nothing" : said,
            next: "see to that on the host, then run it again")
    }
}
