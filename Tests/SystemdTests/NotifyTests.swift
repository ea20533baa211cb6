import Fleet
import Foundation
import Glibc
import Testing

@testable import Systemd

@Suite("Telling systemd how a daemon is")
struct NotifyTests {
    @Test("the watchdog is fed at half its time, and only by the process that it is for")
    func pace() {
        #expect(SystemdNotify(environment: [:], pid: 7).pace == nil)
        #expect(SystemdNotify(environment: ["WATCHDOG_USEC": "10000000"], pid: 7).pace == 5)
        #expect(SystemdNotify(environment: ["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"], pid: 7).pace == 5)
        #expect(SystemdNotify(environment: ["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"], pid: 7).pace == nil)
        #expect(SystemdNotify(environment: ["WATCHDOG_USEC": "0"], pid: 7).pace == nil)
        #expect(SystemdNotify(environment: ["WATCHDOG_USEC": "often"], pid: 7).pace == nil)
    }
}

extension OnSystemdHost {
    @Suite("Notices to systemd", .serialized)
    struct NoticeTests {
        /// The environment is the process's: nothing else may run beside this.
        @Test("each notice is one datagram, and a status is one line")
        func notices() async throws {
            let path = "/run/convoy-test-notify"
            let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0)
            setenv("NOTIFY_SOCKET", path, 1)
            defer {
                unsetenv("NOTIFY_SOCKET")
                close(socket)
                unlink(path)
            }
            let notify = SystemdNotify()
            notify.ready("serves\nMAINPID=1")
            notify.alive()
            notify.stopping()
            var said: [String] = []
            for _ in 0..<3 {
                var buffer = [UInt8](repeating: 0, count: 256)
                let count = recv(socket, &buffer, buffer.count, 0)
                said.append(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
            }
            #expect(said == ["READY=1\nSTATUS=serves; MAINPID=1", "WATCHDOG=1", "STOPPING=1\nSTATUS=stopping"])
        }

        @Test("a backend that is let go leaves no thread and no descriptor behind")
        func leaks() async throws {
            let count = { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/" + $0).count) ?? 0 }
            let plan = SystemdHost.plan("one", "/bin/sleep infinity")
            let record = try await SystemdHost.backend().start(plan)
            try await Task.sleep(for: .milliseconds(100))
            let (files, threads) = (count("fd"), count("task"))
            for _ in 0..<30 { #expect(try await SystemdHost.backend().adopt(record)) }
            try await until { count("fd") <= files + 3 && count("task") <= threads + 6 }
            try await SystemdHost.backend().retire("one")
        }
    }
}
