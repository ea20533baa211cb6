import Fleet
import Foundation
import Planning
import Ports

extension SystemdProcesses: UnitHost {
    package func provide(_ file: RenderedFile) async throws {
        guard try units.provide(file) else { return }
        try await calls.persisting("have systemd read \(file.path)", nil) { try await reload.run() }
    }

    package func give(_ socket: String, to owner: ProcessPlan.UserAndGroup) throws {
        guard lchown(socket, owner.user, owner.group) != 0 else { return }
        throw Failure(
            .failed, "cannot give \(socket) to nginx's workers", because: String(cString: strerror(errno)),
            next: "see `systemctl status convoy-gate.socket`")
    }

    package func addresses(of host: String) async -> [String] {
        if IPAddress.isV4(host) || IPAddress.isV6(host) { return [host] }
        // The resolver blocks, for seconds if need be: not on a thread that others wait for.
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Self.lookUp(host)) }
        }
    }

    private static func lookUp(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &found) == 0 else { return [] }
        defer { freeaddrinfo(found) }
        var addresses: [String] = []
        var entry = found
        while let one = entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let size = socklen_t(text.count)
            if getnameinfo(one.pointee.ai_addr, one.pointee.ai_addrlen, &text, size, nil, 0, NI_NUMERICHOST) == 0 {
                let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                addresses.append(String(decoding: bytes, as: UTF8.self))
            }
            entry = one.pointee.ai_next
        }
        return addresses
    }
}

/// Starts and stops units by their names: what an operator's verbs ask of a host.
package struct SystemdUnits: Sendable {
    private let calls: SystemdCalls
    private let reloading: UnitReload

    /// Throws a `Failure` where there is no systemd.
    package init(deadlines: SystemdDeadlines = SystemdDeadlines()) throws {
        let bus = try SystemdBus(hear: { _ in })
        calls = SystemdCalls(bus: bus, deadlines: deadlines)
        reloading = UnitReload { try await bus.call(.manage("Reload"), timeout: deadlines.reload) }
    }

    package func start(_ unit: String) async throws { try await act("StartUnit", "start", unit) }
    package func restart(_ unit: String) async throws { try await act("RestartUnit", "restart", unit) }
    package func stop(_ unit: String) async throws { try await act("StopUnit", "stop", unit) }

    package func reload() async throws {
        try await calls.persisting("reload systemd", nil) { try await reloading.run() }
    }

    /// False when no such unit file is installed.
    package func isInstalled(_ unit: String) async throws -> Bool {
        let name = UnitName(unit)
        return try await calls.persisting("look at \(unit)", name) {
            !["", "not-found"].contains(try await calls.look(name, .unit).loadState)
        }
    }

    private func act(_ method: String, _ verb: String, _ unit: String) async throws {
        let name = UnitName(unit)
        let result = try await calls.persisting("\(verb) \(unit)", name) {
            if method != "StopUnit" { try await calls.resetFailed(name) }
            return try await calls.job(method, name)
        }
        guard result != "done" else { return }
        throw Failure(
            .failed, "cannot \(verb) \(unit)", because: "systemd says \"\(result)\"",
            next: "`systemctl status \(unit)` and `journalctl -u \(unit)` tell more")
    }
}
