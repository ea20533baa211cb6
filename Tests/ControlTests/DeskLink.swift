import Fleet
import Foundation
import Glibc
import Planning
import Ports

@testable import Control

/// A host that is this very process: what `convoy host control` reads and says, without ssh.
struct DeskLink: HostLink {
    let socket: String
    var convoy = "0.1.0"

    func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
        guard command.words == ["/usr/bin/convoy", "host", "control"], case .descriptor(let number) = command.input
        else {
            return HostAnswer(exitCode: 127, errors: "not found")
        }
        try await ControlDesk(convoy: convoy, socket: socket, send: onLine).serve(Self.lines(of: number))
        return HostAnswer(exitCode: 0)
    }

    /// As a command reads them; the descriptor is closed in the end.
    static func lines(of number: Int32) -> AsyncThrowingStream<String, any Error> {
        let (lines, heard) = AsyncThrowingStream.makeStream(of: String.self)
        Thread.detachNewThread {
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(number, &buffer, buffer.count)
                guard count > 0 else { break }
                rest += buffer[..<count]
                while let end = rest.firstIndex(of: 10) {
                    heard.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            Glibc.close(number)
            heard.finish()
        }
        return lines
    }

    func close() async {}
}
