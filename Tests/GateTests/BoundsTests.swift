import Admission
import Dispatch
import Fleet
import Synchronization
import Testing

@testable import Gate

@Suite("What stays bounded")
struct BoundsTests {
    private func claims(_ expires: Double) -> TokenClaims {
        TokenClaims(issuer: "i", subject: "s", audiences: ["a"], expires: expires, scopes: [])
    }

    @Test("the token cache holds no more than its limit, and the oldest leaves first")
    func cache() {
        let cache = TokenCache(limit: 3)
        let keys = (0..<10).map { TokenCache.key("token \($0)") }
        for key in keys {
            cache.insert(claims(100), for: key)
            cache.insert(claims(100), for: key)
        }
        #expect(cache.count == 3)
        #expect(
            keys.map { cache.claims(for: $0, now: 0, leeway: 0) != nil } == [
                false, false, false, false, false, false, false, true, true, true,
            ])
        #expect(cache.claims(for: keys[9], now: 100, leeway: 0) == nil)
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
