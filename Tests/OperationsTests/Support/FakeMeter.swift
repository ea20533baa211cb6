import Ports
import Synchronization

/// Says what it is told to say.
final class FakeMeter: InstanceMeter {
    private let script = Mutex<(@Sendable () -> [String])?>(nil)
    private let bytes = Mutex<@Sendable (String) -> Int>({ _ in 50_000_000 })

    var isNeeded: Bool { script.withLock { $0 != nil } }

    /// Lines of the access log at each look.
    func tell(_ lines: @escaping @Sendable () -> [String]) { script.withLock { $0 = lines } }
    func weigh(_ bytes: @escaping @Sendable (String) -> Int) { self.bytes.withLock { $0 = bytes } }

    func accessLines() -> [String] { script.withLock { $0 }?() ?? [] }
    func faultLines() -> [String] { [] }
    func residentBytes(of records: [ProcessRecord]) -> [String: Int] {
        let weigh = bytes.withLock { $0 }
        return Dictionary(records.map { ($0.id, weigh($0.id)) }, uniquingKeysWith: { first, _ in first })
    }

    static func line(_ port: Int, _ status: Int, time: Double = 0.02) -> String {
        #"{"pool":"analytics","method":"POST","status":\#(status),"upstream":"127.0.0.1:\#(port)","#
            + #""upstreamStatus":"\#(status)","upstreamTime":"\#(time)","upstreamSent":"500"}"#
    }
}
