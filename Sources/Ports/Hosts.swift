import Fleet

/// Opens the way to a host; nothing is changed there.
package protocol HostDialer: Sendable {
    func dial(_ host: HostSpec) async throws -> any HostLink
}

/// A way to one host on which commands run as root. Only one at a time; what is lost on the way is a `LinkFault`.
package protocol HostLink: Sendable {
    /// Runs the command there and returns whatever its exit code is.
    ///
    /// - Parameter onLine: hears each whole line of standard output as it comes; it is in the answer, too.
    func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer
    /// Ends what is kept open.
    func close() async
}

extension HostLink {
    package func run(_ command: HostCommand) async throws -> HostAnswer { try await run(command) { _ in } }
}

/// A command as data: words, never a line for a shell. Quoting is the link's.
package struct HostCommand: Sendable {
    package var words: [String]
    package var input: HostInput
    /// True: a login of its own, as somebody new would have to make it.
    package var isFreshLogin: Bool

    package init(_ words: [String], input: HostInput = .nothing, isFreshLogin: Bool = false) {
        self.words = words
        self.input = input
        self.isFreshLogin = isFreshLogin
    }

    /// `script` with its parameters $1, $2, ...; nothing of them is code.
    package static func script(_ script: String, _ parameters: [String], input: HostInput = .nothing) -> HostCommand {
        HostCommand(["sh", "-c", script, "sh"] + parameters, input: input)
    }
}

/// What a command reads from its standard input. Secrets go this way, since argv is everybody's to see.
package enum HostInput: Sendable {
    case nothing
    case bytes([UInt8])
    /// A file of this machine.
    case file(String)
    /// What is read from this descriptor, which is closed when the command has it.
    case descriptor(Int32)
}

/// What is sent may be secret.
extension HostInput: CustomStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .nothing: "nothing"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .file(let path): path
        case .descriptor(let number): "descriptor \(number)"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: []) }
}

package struct HostAnswer: Sendable, Equatable {
    package var exitCode: Int32
    /// At most 1 MiB, lines in the order in which they came.
    package var output: [String]
    /// The end of standard error.
    package var errors: String

    package init(exitCode: Int32, output: [String] = [], errors: String = "") {
        self.exitCode = exitCode
        self.output = output
        self.errors = errors
    }

    package var succeeded: Bool { exitCode == 0 }
}

/// The way itself failed, not what ran at its end.
package struct LinkFault: Error, Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Nobody vouches for the host's key, or somebody else has answered.
        case unknownHostKey, changedHostKey
        case permissionDenied, sudo, unreachable, missingProgram
        /// It was there. The command may have run, in whole or in part.
        case lost
    }

    package var kind: Kind
    package var failure: Failure

    package init(_ kind: Kind, _ failure: Failure) {
        self.kind = kind
        self.failure = failure
    }
}

/// Releases on their way between stores. What arrives is what its digest says, or it does not arrive.
package protocol ReleaseFreight: Sendable {
    /// Packs a release of this machine's store into one compressed file.
    func pack(_ digest: Digest, to file: String) async throws
    /// Puts a packed release into this machine's store; does nothing when it is there, whole.
    func unpack(_ file: String, as digest: Digest) async throws
}

/// Looks at an edge as a client would, from this machine.
package protocol EdgeVisitor: Sendable {
    /// Throws a `Failure` unless the edge of this host asks a stranger for a token.
    func visit(_ edge: EdgeSpec, pool: String, at address: String) async throws
}
