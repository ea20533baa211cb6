import Fleet
import Foundation
import Glibc

@testable import Probes

/// Real servers from real wheels, in a directory of their own that goes away with them.
final class RealServers {
    static let parts = ProcessInfo.processInfo.environment["CONVOY_PARTS"] ?? ""

    let directory: String
    private var processes: [Process] = []

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/convoy-real-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// Path of the venv's folder of commands: one that the parts hold ready, else a new one.
    func install(_ package: String, _ version: String) throws -> String {
        let ready = "\(Self.parts)/servers/\(package)-\(version)/bin"
        if FileManager.default.isExecutableFile(atPath: ready + "/" + package) { return ready }
        let venv = "\(directory)/\(package)-\(version)"
        try run("/usr/bin/python3", ["-m", "venv", venv])
        let wheels = ["--no-index", "--find-links", Self.parts + "/wheels"]
        try run(venv + "/bin/pip", ["install", "--quiet"] + wheels + ["\(package)==\(version)"])
        return venv + "/bin"
    }

    private func run(_ command: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Broken(what: "\(command) \(arguments)") }
    }

    @discardableResult
    func start(_ command: String, _ arguments: [String], _ environment: [String: String] = [:]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command)
        process.arguments = arguments
        process.environment = ["HOME": directory, "PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let log = "\(directory)/\(processes.count).log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardOutput = FileHandle(forWritingAtPath: log)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        processes.append(process)
        return process
    }

    func grafana(_ bin: String) throws -> Int {
        let port = try Self.freePort()
        let arguments = ["-t", "streamable-http", "--address", "127.0.0.1:\(port)", "--enabled-tools", "navigation"]
        let environment = ["GRAFANA_URL": "http://127.0.0.1:1", "DO_NOT_TRACK": "1"]
        try start(bin + "/mcp-grafana", arguments, environment)
        return port
    }

    func documentdb(_ bin: String, database: Int) throws -> Int {
        let port = try Self.freePort()
        let arguments = ["-t", "streamable-http", "-H", "127.0.0.1", "-p", String(port)]
        try start(bin + "/documentdb-mcp", arguments, ["MONGODB_URI": "mongodb://127.0.0.1:\(database)/"])
        return port
    }

    /// A database with one order in `shop.orders`.
    func database() throws -> Int {
        let port = try Self.freePort()
        try start(
            Self.parts + "/db/bin/secantusd-py",
            ["--host", "127.0.0.1", "--port", String(port), "--storage-path", directory + "/data"])
        let insert =
            "import pymongo; pymongo.MongoClient('mongodb://127.0.0.1:\(port)/', serverSelectionTimeoutMS=30000)"
            + ".shop.orders.insert_one({'item': 'lantern'})"
        try run(Self.parts + "/db/bin/python", ["-c", insert])
        return port
    }

    func stop() {
        for process in processes.reversed() where process.isRunning {
            kill(process.processIdentifier, SIGTERM)
        }
        for process in processes {
            let deadline = Date().addingTimeInterval(10)
            while process.isRunning, Date() < deadline { usleep(20_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard bound else { throw Broken(what: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Connections to the port that are neither listening nor over (TIME_WAIT).
    static func connections(to port: Int) -> Int {
        let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").dropFirst().filter { line in
            let fields = line.split(separator: " ")
            let local = fields[1].split(separator: ":").last.flatMap { Int($0, radix: 16) }
            return local == port && fields[3] != "0A" && fields[3] != "06"
        }.count
    }

    struct Broken: Error { var what: String }
}

extension ProbePlan {
    init(port: Int, timeout: Seconds = 10, liveness: String? = nil, canary: CanarySpec? = nil) {
        self.init(
            endpoint: "http://127.0.0.1:\(port)/mcp", host: "127.0.0.1:\(port)",
            liveness: liveness.map { "http://127.0.0.1:\(port)\($0)" }, timeout: timeout, canary: canary,
            version: Profile.Version(), expectedVersion: "")
    }
}
