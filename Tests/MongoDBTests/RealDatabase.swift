import Fleet
import Foundation
import MongoDB

/// A real database server with logins switched on, in a fresh directory on a free port of
/// 127.0.0.1, and its first admin `root`. Stopped and removed by `stop()`.
actor RealDatabase {
    static var parts: String? { ProcessInfo.processInfo.environment["CONVOY_PARTS"] }
    static let rootPassword = "root-" + UUID().uuidString

    nonisolated let port: Int
    private let directory: String
    private var server: Child?
    private var runs = 0

    nonisolated var base: String { "mongodb://127.0.0.1:\(port)/" }
    nonisolated var rootURI: Secret {
        Secret("mongodb://root:\(Self.rootPassword)@127.0.0.1:\(port)/?authSource=admin")
    }

    static func with(_ body: (RealDatabase) async throws -> Void) async throws {
        let database = try RealDatabase()
        do {
            try await database.start()
            try await body(database)
        } catch {
            await database.stop()
            throw error
        }
        await database.stop()
    }

    private init() throws {
        port = try Self.freePort()
        directory = NSTemporaryDirectory() + "convoy-mongodb-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// The first admin can only be made while logins are off.
    private func start() async throws {
        try await launch(["--sync-on-commit"])
        try await python(
            "c.admin.command('createUser', 'root', pwd=os.environ['TEST_ROOT'], roles=['root'])", uri: Secret(base))
        await goAway()
        try await comeBack()
    }

    /// Once more on the same data and port.
    func comeBack() async throws { try await launch(["--auth", "--sync-on-commit", "--enable-test-commands"]) }

    /// As by a power cut: nothing is said, nothing is flushed.
    func die() async {
        guard let running = server else { return }
        server = nil
        running.signal(SIGKILL)
        _ = await running.status()
    }

    /// Connections stay open, and nothing is answered.
    func freeze() { server?.signal(SIGSTOP) }
    func thaw() { server?.signal(SIGCONT) }

    private func stop() async {
        thaw()
        await goAway()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Stops the server and waits for its exit: a second one on the same folder fails while it lives.
    func goAway() async {
        guard let running = server else { return }
        server = nil
        running.terminate()
        _ = await running.status()
    }

    /// Runs `code` with a pymongo client `c`; returns what it printed. The connection string comes by
    /// environment.
    @discardableResult
    func python(_ code: String, uri: Secret? = nil) async throws -> String {
        let script = """
            import os, pymongo, json
            c = pymongo.MongoClient(os.environ['TEST_URI'], serverSelectionTimeoutMS=20000)
            \(code)
            """
        runs += 1
        let output = directory + "/python-\(runs)"
        let run = try Child(
            (Self.parts ?? "") + "/db/bin/python", ["-c", script],
            environment: [
                "TEST_URI": (uri ?? rootURI).reveal(), "TEST_ROOT": Self.rootPassword, "PATH": "/usr/bin:/bin",
            ], output: output)
        let status = await run.status()
        let text = try String(contentsOfFile: output, encoding: .utf8)
        guard status == 0 else { throw TestFailure("python failed: \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func launch(_ flags: [String]) async throws {
        let arguments =
            ["--host", "127.0.0.1", "--port", "\(port)", "--storage-path", directory + "/data"] + flags
        runs += 1
        server = try Child(
            (Self.parts ?? "") + "/db/bin/secantusd-py", arguments, output: directory + "/server-\(runs)")
        // pymongo waits for the server by itself: no guess about how long a start takes.
        try await python("c.admin.command('hello')", uri: Secret(base))
    }

    /// Connections to the server, counted in the kernel's table: established ones whose far end is it.
    nonisolated func connections() throws -> Int {
        let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
        let hex = String(port, radix: 16, uppercase: true)
        let far = "0100007F:" + String(repeating: "0", count: 4 - hex.count) + hex
        return table.split(separator: "\n").filter { line in
            let columns = line.split(separator: " ")
            return columns.count > 3 && columns[2] == far && columns[3] == "01"
        }.count
    }

    private static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard bound else { throw TestFailure("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A child process whose exit can be awaited: `waitUntilExit` would block a thread of Swift's pool,
/// and there are only as many as cores.
final class Child: Sendable {
    private let process: Process
    private let exit: AsyncStream<Int32>

    init(_ executable: String, _ arguments: [String], environment: [String: String]? = nil, output: String) throws {
        guard FileManager.default.createFile(atPath: output, contents: nil),
            let file = FileHandle(forWritingAtPath: output)
        else { throw TestFailure("cannot write \(output)") }
        defer { try? file.close() }
        let process = Process()
        // Threads of Swift's pool block signals, and children inherit that: TERM would never arrive.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["--default-signal=TERM", executable] + arguments
        if let environment { process.environment = environment }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        let (exit, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            continuation.yield($0.terminationStatus)
            continuation.finish()
        }
        try process.run()
        self.process = process
        self.exit = exit
    }

    func terminate() { process.terminate() }
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// The exit status. To be awaited once.
    func status() async -> Int32 {
        for await status in exit { return status }
        return -1
    }
}
