import Fleet
import Foundation
import Glibc
import Ports
import Rendering

@testable import Edge

/// A real nginx between doubles, all below one fresh directory. Instances are named by their tag: `a1`.
final class EdgeLab {
    struct Call: Encodable {
        var method = "POST"
        var path = "/analytics/mcp"
        var headers = [["Authorization", "Bearer good"]]
        var body: String? = "{}"
        var times = 1
        /// The client says on standard error when the answer's first bytes are there.
        var announce = false

        func with(_ name: String, _ value: String) -> Call {
            var copy = self
            copy.headers.append([name, value])
            return copy
        }
    }

    struct Answer: Decodable {
        var status: Int
        var headers: [[String]]
        var body: String
        var secondsToFirst: Double
        var seconds: Double
        /// SHA-256 of the server's certificate.
        var peer: String

        func values(_ name: String) -> [String] {
            headers.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
        /// Which instance answered.
        var instance: String? { json["name"] as? String }
    }

    let root: String
    var plan: EdgePlan
    let edge: NginxEdge
    private var processes: [String: Process] = [:]
    var logs: String { root + "/log" }
    /// What the client is told beyond address and port: `tls`, and perhaps certificate and key.
    var clientArguments: [String] = []

    init(slots: [String] = ["a1", "a2", "a3", "b1", "b2"]) throws {
        root = "/tmp/convoy-edge-" + UUID().uuidString.prefix(8)
        // Open to all: a master that is root has workers that are nobody.
        try EdgeFile.makeDirectory(root + "/log", mode: 0o777, owner: nil)
        let ports = try Self.freePorts(slots.count + 1)
        let list = zip(slots, ports.dropFirst()).compactMap { tag, port in
            Colour(rawValue: String(tag.prefix(1))).map {
                EdgePlan.Slot(colour: $0, slot: Int(tag.dropFirst()) ?? 0, port: port, inRotation: true)
            }
        }
        plan = EdgePlan(
            fleet: "shop",
            edge: EdgeSpec(
                url: "http://127.0.0.1:\(ports[0])", listen: .init(address: "127.0.0.1", port: ports[0]),
                authorization: .development),
            pools: [.init(name: "analytics", scope: "mcp:analytics", upstreamPath: "/mcp", slots: list)],
            paths: .init(
                configuration: root + "/edge", gateSocket: root + "/gate.sock", runtime: root + "/run",
                accessLog: root + "/log/access.log", errorLog: root + "/log/error.log"))
        edge = NginxEdge(
            configuration: root + "/edge", runtime: root + "/run", logFile: root + "/log/error.log")
        for (name, text) in [("gate", Doubles.gate), ("instance", Doubles.instance), ("client", Doubles.client)] {
            try text.write(toFile: "\(root)/\(name).py", atomically: true, encoding: .utf8)
        }
        try gate("204 analytics_a")
    }

    /// `more`: files beside the configuration; nil = no nginx.
    func start(doubles: Bool = true, gate: Bool = true, edge more: [RenderedFile]? = []) async throws {
        if gate { try startDouble("gate", ["gate.py", root + "/gate.sock", root + "/answer"]) }
        if doubles {
            for slot in plan.pools[0].slots {
                let tag = "\(slot.colour.rawValue)\(slot.slot)"
                try startDouble(tag, ["instance.py", String(slot.port), tag])
            }
        }
        if let more { try await startEdge(more) }
    }

    func startEdge(_ more: [RenderedFile] = []) async throws {
        _ = try await edge.install(EdgeRenderer.render(plan) + more)
        let process = try await edge.process()
        try launch("edge", process.executable, process.arguments)
        try await connectable(plan.edge.listen.port)
    }

    /// What the gate says from now on: status and group.
    func gate(_ answer: String) throws {
        try answer.write(toFile: root + "/answer", atomically: true, encoding: .utf8)
    }

    func calls(_ calls: [Call], port: Int? = nil) throws -> [Answer] { try finish(begin(calls, port: port)) }
    func call(_ call: Call = Call()) throws -> Answer { try calls([call])[0] }

    func begin(_ calls: [Call], port: Int? = nil) throws -> Process {
        let client = Process()
        client.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        client.arguments = [root + "/client.py", "127.0.0.1", String(port ?? plan.edge.listen.port)] + clientArguments
        let input = Pipe()
        client.standardInput = input
        client.standardOutput = Pipe()
        client.standardError = Pipe()
        try client.run()
        input.fileHandleForWriting.write(try JSONEncoder().encode(calls))
        try input.fileHandleForWriting.close()
        return client
    }

    func firstBytes(of client: Process) {
        _ = (client.standardError as? Pipe)?.fileHandleForReading.availableData
    }

    func finish(_ client: Process) throws -> [Answer] {
        let output = (client.standardOutput as? Pipe)?.fileHandleForReading.readDataToEndOfFile() ?? Data()
        client.waitUntilExit()
        return try JSONDecoder().decode([Answer].self, from: output)
    }

    /// What the gate was told of opened sessions, in order.
    func registered() -> [[String: String]] { recorded(".sessions") }
    /// What it was asked last.
    func lastAsked() -> [String: String] { recorded(".asked").last ?? [:] }

    private func recorded(_ suffix: String) -> [[String: String]] {
        let text = (try? String(contentsOfFile: root + "/answer" + suffix, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap {
            try? JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }
    }

    func kill(_ name: String) {
        guard let process = processes.removeValue(forKey: name) else { return }
        // A master of nginx's that is killed leaves its workers, which hold what tells of its end.
        Glibc.kill(process.processIdentifier, ["edge", "stock"].contains(name) ? SIGTERM : SIGKILL)
        process.waitUntilExit()
    }

    func pid(_ name: String) -> Int32? { processes[name]?.processIdentifier }

    func signalEdge(_ signal: Int32) {
        if let edge = processes["edge"] { Glibc.kill(edge.processIdentifier, signal) }
    }

    func port(_ tag: String) -> Int {
        plan.pools[0].slots.first { "\($0.colour.rawValue)\($0.slot)" == tag }?.port ?? 0
    }

    func launch(_ name: String, _ executable: String, _ arguments: [String], _ more: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin"].merging(more) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        processes[name] = process
    }

    private func startDouble(_ name: String, _ arguments: [String]) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["\(root)/\(arguments[0])"] + arguments.dropFirst()
        process.standardOutput = output
        try process.run()
        processes[name] = process
        _ = output.fileHandleForReading.availableData
    }

    /// The access log once it has the text: nginx writes it in blocks, a second late at most.
    func accessLog(with text: String) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(15)
        while true {
            let log = try String(contentsOfFile: logs + "/access.log", encoding: .utf8)
            if log.contains(text) { return log }
            guard ContinuousClock.now < deadline else { throw EdgeFile.failed("\(text) is not in the access log") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func connectable(_ port: Int) async throws { try await wait(until: true, port) }
    func unconnectable(_ port: Int) async throws { try await wait(until: false, port) }

    private func wait(until isWished: Bool, _ port: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(15)
        while true {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = Self.loopback(port)
            let isUp = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isUp == isWished { return }
            guard ContinuousClock.now < deadline else {
                throw EdgeFile.failed("\(isWished ? "nobody" : "somebody") listens on \(port)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// First the edge, which lets its workers end; then everything else.
    func stop() {
        if let edge = processes.removeValue(forKey: "edge") {
            edge.terminate()
            edge.waitUntilExit()
        }
        for name in processes.keys { kill(name) }
        try? FileManager.default.removeItem(atPath: root)
    }

    static func freePorts(_ count: Int) throws -> [Int] {
        var open: [Int32] = []
        defer { open.forEach { close($0) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            open.append(descriptor)
            var address = loopback(0)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard isBound else { throw EdgeFile.failed("no free port") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// Runs the body against a started lab and takes everything down again, also when the body throws.
func withEdgeLab(_ slots: [String] = ["a1", "a2", "a3", "b1", "b2"], _ body: (EdgeLab) async throws -> Void)
    async throws
{
    let lab = try EdgeLab(slots: slots)
    defer { lab.stop() }
    try await lab.start()
    try await body(lab)
}
