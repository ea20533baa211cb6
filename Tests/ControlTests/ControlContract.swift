import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Control

/// What each `SupervisorControl` keeps, in memory and over the socket.
@Suite("SupervisorControl contract")
struct ControlContract {
    enum Road: String, CaseIterable, Sendable { case memory, socket, wire }

    @Test("status comes at once when nothing is known or something is new", arguments: Road.allCases)
    func statusAtOnce(road: Road) async throws {
        try await withControl(road) { control, _ in
            let first = try await control.status(newerThan: nil, timeout: 60)
            #expect(first.status == .sample(generation: 0))
            let second = try await control.status(newerThan: first.revision - 1, timeout: 60)
            #expect(second == first)
            let third = try await control.status(newerThan: first.revision, timeout: 0)
            #expect(third == first)
        }
    }

    @Test("a long poll ends with the next change", arguments: Road.allCases)
    func longPoll(road: Road) async throws {
        try await withControl(road) { control, fake in
            let known = try await control.status(newerThan: nil, timeout: 0).revision
            async let next = control.status(newerThan: known, timeout: 60)
            await fake.untilPolled()
            try await control.begin(.sample(3))
            let report = try await next
            #expect(report.revision > known)
            #expect(report.generations == [.sample(3)])
        }
    }

    @Test("each call arrives with all it carries", arguments: Road.allCases)
    func calls(road: Road) async throws {
        try await withControl(road) { control, fake in
            try await control.begin(.sample(7, padding: 300_000))
            try await control.begin(.sample(7, padding: 300_000))
            try await control.flip(to: 7)
            try await control.check()
            try await control.retire(7, drain: 2.5)
            try await control.begin(.sample(8), only: ["analytics-2-g8", "analytics-1-g8"])
            try await control.begin(.sample(8), only: [])
            try await control.share(8, part: 0.3)
            try await control.balance(8)
            try await control.lend(8, part: 0.2)
            try await control.lend(8, part: nil)
            let report = try await control.retire(8, only: ["analytics-1-g8"], drain: 1)
            #expect(report == DrainReport(sessions: 6, ended: 3, moved: 2, cut: 1, callsCut: 4))
            #expect(try await control.retire(8, only: nil, drain: 1) == report)
            #expect(try await control.offer(of: 9) == nil)
            try await control.begin(.sample(9))
            #expect(try await control.offer(of: 9) == .sample)
            try await control.rehearse(.sample(10))
            try await control.cordon()
            #expect(try await control.drain(deadline: 90) == DrainReport(sessions: 3, ended: 2, cut: 1))
            #expect(try await control.guests() == 7)
            try await control.uncordon(generation: 9)
            try await control.leave(rollout: 11)
            try await control.welcome(generation: 9, upTo: 12)
            try await control.shutdown(drain: 0)
            let expected = [
                "begin 7", "begin 7", "flip 7", "check", "retire 7 2.5", "only analytics-1-g8 analytics-2-g8",
                "begin 8", "only ", "begin 8", "share 8 0.3", "balance 8", "lend 8 0.2", "lend 8",
                "only analytics-1-g8", "retire 8 1.0",
                "retire 8 1.0", "offer 9", "begin 9", "offer 9", "rehearse 10",
                "cordon", "drain 90.0", "guests", "uncordon 9", "leave 11", "welcome 9 12",
                "shutdown 0.0",
            ]
            #expect(await fake.asked == expected)
        }
    }

    @Test("a failure arrives as it was thrown", arguments: Road.allCases)
    func failures(road: Road) async throws {
        try await withControl(road) { control, fake in
            let expected = Failure(.failed, "cannot flip", because: "no generation 9", next: "convoy up")
            await #expect(throws: expected) { try await control.flip(to: 9) }
            for code in [Failure.Code.failed, .differencesFound, .usage, .badSpec, .unavailable, .leaseHeld] {
                let failure = Failure(code, "what — \"quoted\"", because: "why\nwhy", next: "")
                await fake.fail(with: failure)
                await #expect(throws: failure) { try await control.status(newerThan: nil, timeout: 0) }
                await #expect(throws: failure) { try await control.begin(.sample(1)) }
                await #expect(throws: failure) { try await control.flip(to: 1) }
                await #expect(throws: failure) { try await control.retire(1, drain: 1) }
                await #expect(throws: failure) { try await control.check() }
                await #expect(throws: failure) { try await control.shutdown(drain: 1) }
            }
        }
    }

    @Test("a cancelled long poll ends on both sides", arguments: Road.allCases)
    func cancelled(road: Road) async throws {
        try await withControl(road) { control, fake in
            let known = try await control.status(newerThan: nil, timeout: 0).revision
            let poll = Task { try await control.status(newerThan: known, timeout: 60) }
            await fake.untilPolled()
            poll.cancel()
            await #expect(throws: CancellationError.self) { try await poll.value }
            await fake.untilCut()
        }
    }
}

func withControl(
    _ road: ControlContract.Road, _ body: (any FleetControl, FakeControl) async throws -> Void
) async throws {
    let fake = FakeControl()
    switch road {
    case .memory: try await body(fake, fake)
    case .socket:
        try await withServer(fake) { path, _ in
            let client = ControlClient(socket: path, fence: OpenGuard.fence)
            do { try await body(client, fake) } catch {
                await client.close()
                throw error
            }
            await client.close()
        }
    case .wire:
        try await withServer(fake) { path, _ in
            let wire = HostWire(DeskLink(socket: path), host: "web-1", convoy: "0.1.0")
            let client = ControlClient(over: wire, fence: OpenGuard.fence)
            do { try await body(client, fake) } catch {
                await client.close()
                throw error
            }
            await client.close()
        }
    }
}

/// Lets one fence in, which nobody can lose.
struct OpenGuard: LeaseGuard {
    static let fence = 7

    func admit(_ fence: Int?) async throws {
        guard fence == Self.fence else { throw Failure.leaseIsLost(because: "\(String(describing: fence))") }
    }
}

func withServer(
    _ control: any FleetControl, guardedBy leases: any LeaseGuard = OpenGuard(), patience: Seconds = 10,
    _ body: (String, ControlServer) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
        "convoy control %\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.path + "/control.sock"
    let server = try await ControlServer.start(control, on: .path(path), guardedBy: leases, patience: patience)
    do { try await body(path, server) } catch {
        await server.stop(grace: 0)
        throw error
    }
    await server.stop()
}
