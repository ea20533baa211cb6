import Fleet

/// The asking side of one conversation with a `convoy host`: reads its lines and knows when it is over.
package struct HostTalk: Sendable {
    package enum Heard: Sendable, Equatable {
        /// A word on the way, for a person.
        case step(String)
        case detail(String)
        case nothing
    }

    private let host: String
    private let convoy: String
    private var isWelcome = false
    private var end: Result<JSONValue, Failure>?

    package init(host: String, convoy: String) {
        self.host = host
        self.convoy = convoy
    }

    /// All that is said, in one go: a host that can't go on answers the hello and ends.
    package func question(_ request: HostRequest) throws -> [UInt8] {
        Array("\(try HostHello(convoy: convoy).line())\n\(try request.line())\n".utf8)
    }

    /// Lines that are none of ours are passed over: a login shell's greeting comes first, if anything does.
    package mutating func hear(_ line: String) -> Heard {
        guard end == nil, let reply = HostReply(line: line) else { return .nothing }
        switch reply.kind {
        case .welcome where reply.protocol == HostProtocol.version && reply.convoy == convoy: isWelcome = true
        case .welcome, .skewed: end = .failure(skewed(reply))
        case .step where isWelcome: return .step(reply.text ?? "")
        case .detail where isWelcome: return .detail(reply.text ?? "")
        case .done where isWelcome: end = .success(reply.answer ?? .null)
        case .failed:
            let fault = reply.failure
            end = .failure(
                Failure(
                    fault?.code ?? .failed, fault?.what ?? "cannot go on", because: fault?.why ?? "no reason was given",
                    next: fault?.next ?? ""))
        case .step, .detail, .done: break
        }
        return .nothing
    }

    /// The answer. Nil: the conversation broke off before its end.
    package func answer() throws -> JSONValue? { try end?.get() }

    private func skewed(_ reply: HostReply) -> Failure {
        Failure(
            .unavailable, "cannot work with the convoy on \(host)",
            because: "it is \(reply.convoy ?? "of unknown version") (protocol \(reply.protocol ?? 0)), "
                + "this one is \(convoy) (protocol \(HostProtocol.version))",
            next: "`convoy bootstrap --package convoy_\(convoy)_ARCH.deb` brings it this one")
    }
}
