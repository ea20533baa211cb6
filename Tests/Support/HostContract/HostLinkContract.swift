import Fleet
import Ports
import Synchronization

/// What went against the contract.
package struct LinkBreach: Error, CustomStringConvertible {
    package var description: String
}

/// What every `HostLink` keeps, run by the real one's tests and by those of the one that is simulated.
package struct HostLinkContract: Sendable {
    private let link: any HostLink

    package init(_ link: any HostLink) { self.link = link }

    package func holds() async throws {
        try await bytesArrive()
        try await linesAreHeardInOrder()
        try await exitCodesAreTold()
        await link.close()
        // What was kept open is opened again.
        try await exitCodesAreTold()
    }

    private func bytesArrive() async throws {
        let answer = try await link.run(HostCommand(["cat"], input: .bytes(Array("a'b \"$c\"\n\u{e9}\n".utf8))))
        try Self.keep(answer.succeeded && answer.output == ["a'b \"$c\"", "\u{e9}"], "sent bytes came as \(answer)")
        let empty = try await link.run(HostCommand(["cat"]))
        try Self.keep(empty.output == [], "nothing came as \(empty)")
    }

    private func linesAreHeardInOrder() async throws {
        let heard = Mutex<[String]>([])
        let lines = (0..<500).map { "line \($0)" }
        let text = lines.map { $0 + "\n" }.joined()
        let answer = try await link.run(HostCommand(["cat"], input: .bytes(Array(text.utf8)))) { line in
            heard.withLock { $0.append(line) }
        }
        try Self.keep(answer.output == lines && heard.withLock { $0 } == lines, "lines were lost or turned around")
    }

    private func exitCodesAreTold() async throws {
        for (program, code) in [("true", 0), ("false", 1), ("no-such-program-here", 127)] as [(String, Int32)] {
            let answer = try await link.run(HostCommand([program]))
            try Self.keep(answer.exitCode == code, "\(program) ended with \(answer.exitCode)")
        }
    }

    /// - Parameter link: one whose way is lost.
    package static func tellsLoss(_ link: any HostLink) async throws {
        do {
            let answer = try await link.run(HostCommand(["true"]))
            throw LinkBreach(description: "a lost way gave \(answer)")
        } catch let fault as LinkFault {
            try keep(fault.kind == .lost && !fault.failure.next.isEmpty, "a lost way is told as \(fault)")
        }
    }

    private static func keep(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw LinkBreach(description: what()) }
    }
}
