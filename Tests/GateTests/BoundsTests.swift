import Admission
import Dispatch
import Synchronization
import Testing

@testable import Gate

@Suite("What stays bounded")
struct BoundsTests {
    @Test("the token cache holds no more than its limit, and the oldest leaves first")
    func cache() {
        let cache = TokenCache<Int>(limit: 3)
        let keys = (0..<10).map { TokenDigest(of: "token \($0)") }
        for (number, key) in keys.enumerated() {
            cache.insert(-1, for: key, now: 0, until: 100)
            cache.insert(number, for: key, now: 0, until: 100)
        }
        #expect(cache.count == 3)
        #expect(keys.map { cache.value(for: $0, now: 0) } == [nil, nil, nil, nil, nil, nil, nil, 7, 8, 9])
        #expect(cache.value(for: keys[9], now: 99.9) == 9)
        #expect(cache.value(for: keys[9], now: 100) == nil)
        #expect(cache.value(for: keys[9], now: -60) == nil, "a clock that was set back makes nothing last")
    }

    @Test("a log that nobody reads makes nobody wait, and says later what was lost")
    func stuckLog() async {
        let gate = DispatchSemaphore(value: 0)
        let written = Written()
        let audit = AuditLog(limit: 1000) { bytes in
            gate.wait()
            written.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        for index in 0..<10_000 { audit.note("event \(index)") }
        for _ in 0..<10 { gate.signal() }
        await audit.flush()
        let text = written.text.withLock { $0 }
        #expect(text.contains("event 0\""))
        #expect(text.contains(#""event":"log lines dropped","count":"#))
        #expect(text.utf8.count < 3000)
    }

    private final class Written: Sendable { let text = Mutex("") }
}
