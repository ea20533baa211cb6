import Foundation
import Synchronization
import Testing

@testable import Gate

/// No assertion about time: prints what a run on this machine gave.
@Suite("Measurement", .enabled(if: ProcessInfo.processInfo.environment["CONVOY_MEASURE"] != nil), .serialized)
struct GateMeasurement {
    private final class Samples: Sendable { let microseconds = Mutex<[Double]>([]) }

    @Test("decisions per second and their latency over 8 connections that stay", arguments: [1, 5000])
    func decisions(distinctTokens: Int) async throws {
        try await GateFixture.with { fixture in
            let requests = try (0..<distinctTokens).map { _ in GateFixture.request(token: try fixture.token()) }
            let samples = Samples()
            let started = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask { await Self.onThread { Self.ask(fixture.socket, requests, worker, samples) } }
                }
            }
            let elapsed = ContinuousClock.now - started
            let sorted = samples.microseconds.withLock { $0.sorted() }
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
            #expect(sorted.count == 8 * 5000)
            print(
                "distinct tokens \(distinctTokens): \(Int(Double(sorted.count) / seconds)) decisions/s,",
                "p50 \(Int(sorted[sorted.count / 2])) us, p99 \(Int(sorted[sorted.count * 99 / 100])) us")
        }
    }

    private static func ask(_ socket: String, _ requests: [String], _ worker: Int, _ samples: Samples) {
        guard let client = try? UnixClient(socket) else { return }
        var own: [Double] = []
        for index in 0..<5000 {
            let start = ContinuousClock.now
            guard (try? client.send(requests[(index * 8 + worker) % requests.count])) != nil,
                (try? client.answer())?.status == 204
            else { break }
            own.append(Double((ContinuousClock.now - start).components.attoseconds) / 1e12)
        }
        samples.microseconds.withLock { $0 += own }
    }

    /// Blocking calls have no business on the cooperative pool.
    private static func onThread(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            Thread {
                body()
                continuation.resume()
            }.start()
        }
    }
}
