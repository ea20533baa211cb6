import Fleet
import Foundation
import Glibc
import Ports
import Testing

@testable import Supervision

@Suite("Listening sockets and reserved ports")
struct SocketTests {
    let scratch: Scratch
    let backend: DirectProcesses

    init() throws {
        scratch = try Scratch()
        backend = try DirectProcesses()
    }

    @Test("a socket nobody answers on is replaced; one that answers, and any other file, is not")
    func unixSocket() async throws {
        let path = scratch.file("a.sock")
        var socket: ListeningSocket? = try ListeningSocket(path: path, mode: 0o660)
        #expect(try ListeningSocket.answers(path))
        var status = stat()
        try #require(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        let said = await message { _ = try ListeningSocket(path: path, mode: 0o600) }
        #expect(said.hasPrefix("cannot listen on \(path): another process answers there"))
        #expect(socket?.path == path)
        socket = nil
        #expect(try !ListeningSocket.answers(path))
        socket = try ListeningSocket(path: path, mode: 0o600)
        #expect(try ListeningSocket.answers(path))
        let file = try scratch.write("file", "precious")
        let refused = await message { _ = try ListeningSocket(path: file, mode: 0o600) }
        #expect(refused.contains("something that is no socket is in the way"))
        #expect(try scratch.content("file") == "precious")
    }

    @Test("a path too long for the kernel says to choose a shorter root; the longest one works")
    func longPath() async throws {
        let room = ListeningSocket.longestPath - scratch.path.utf8.count - 1
        let longest = scratch.file(String(repeating: "s", count: room))
        _ = try ListeningSocket(path: longest, mode: 0o600)
        let said = await message { _ = try ListeningSocket(path: longest + "s", mode: 0o600) }
        #expect(said.contains("108 bytes") && said.contains("choose a shorter --root"))
    }

    @Test("a reserved port refuses connections at once, and nobody else can listen there")
    func reservation() async throws {
        let reservation = try PortReservation(port: 0)
        #expect(!PortReservation.portIsFree(reservation.port))
        let script = """
            import socket, time
            def attempt(f):
                try: f(); return 'ok'
                except OSError as e: return e.errno
            began = time.monotonic()
            print(attempt(lambda: socket.create_connection(('127.0.0.1', \(reservation.port)), 5)))
            print(time.monotonic() - began < 1)
            print(attempt(lambda: socket.create_server(('127.0.0.1', \(reservation.port)))))
            print(attempt(lambda: socket.create_server(('', \(reservation.port)))))
            """
        _ = try await backend.start(scratch.python(script))
        _ = await backend.nextExit()
        #expect(try scratch.content("one.log") == "\(ECONNREFUSED)\nTrue\n\(EADDRINUSE)\n\(EADDRINUSE)\n")
        reservation.release()
        #expect(PortReservation.portIsFree(reservation.port))
    }

    @Test("after a server died under connections its port is reserved, guarded and served again")
    func lingeringConnections() async throws {
        let pipe = try Pipe(scratch)
        let port = try freePort()
        // The server closes first, so that TIME_WAIT is on its side; one connection stays open.
        let server = """
            import socket
            s = socket.create_server(('127.0.0.1', \(port)))
            c = [socket.create_connection(('127.0.0.1', \(port))) for _ in range(8)]
            a = [s.accept()[0] for _ in c]
            for x in a[1:]: x.close()
            for x in c[1:]: x.close()
            open('\(pipe.path)', 'w').write('up\\n')
            s.accept()
            """
        let first = try await backend.start(scratch.python(server))
        #expect(await pipe.line() == "up")
        let said = await message { _ = try PortReservation(port: port) }
        #expect(said.contains("python3 (pid \(first.pid)) listens there"))
        await backend.signal(first, .kill, wholeGroup: true)
        _ = await backend.nextExit()
        try #require(try content("/proc/net/tcp").contains(":" + hex(port)))

        let reservation = try PortReservation(port: port)
        let intruder = "import socket; socket.create_server(('127.0.0.1', \(port)))"
        _ = try await backend.start(scratch.python(intruder))
        #expect(await backend.nextExit()?.cause == .exited(code: 1))
        #expect(try scratch.content("one.log").contains("Address already in use"))

        reservation.release()
        let second = try await backend.start(scratch.python(server))
        #expect(await pipe.line() == "up")
        #expect(PortOwner.listening(on: port)?.pid == second.pid)
        await backend.signal(second, .kill, wholeGroup: true)
        _ = await backend.nextExit()
    }

    @Test("a port's owner is read from the kernel's table, in both families")
    func table() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
               1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
               2: 00000000000000000000000000000000:1F90 00000000:0000 0A 0:0 0:0 0     0        0 4713 1
            """
        #expect(TCPListener.rows(in: table, on: [8080]).map(\.inode) == [4711, 4713])
        #expect(TCPListener.rows(in: table, on: [8081]).isEmpty)
    }

    @Test("the kernel tells of the same listeners as its table, in both families")
    func told() throws {
        for (family, path) in [(AF_INET, "/proc/net/tcp"), (AF_INET6, "/proc/net/tcp6")] {
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            // Who has no address yet gets any port.
            try #require(listen(descriptor, 1) == 0)
            var address = sockaddr_storage()
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let named = withUnsafeMutablePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            try #require(named == 0)
            let port = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
            }
            let told = try #require(TCPListener.told(family)).filter { $0.port == port }
            #expect(told.count == 1)
            #expect(told == TCPListener.rows(in: try content(path), on: [port]))
        }
    }

    private func freePort() throws -> UInt16 {
        let reservation = try PortReservation(port: 0)
        return reservation.port
    }

    private func hex(_ port: UInt16) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private func content(_ path: String) throws -> String { try #require(try PosixFiles().read(path)) }
}
