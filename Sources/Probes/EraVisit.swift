import Fleet
import Planning
import Ports

/// What a server shows of itself in one era.
struct EraVisit: Sendable {
    var name: String
    var version: String
    var tools: ToolList
}

/// The server does not speak this era; whatever else it does, it may well speak the other one.
struct NotThisEra: Error {
    var reason: String
}

extension MCPConversation {
    /// Opens the conversation in its era. Throws `NotThisEra` when the server does not speak it.
    mutating func open() async throws -> (name: String, version: String) {
        switch era {
        case .modern: try await discover()
        case .legacy: try await initialize()
        }
    }

    func listTools() async throws -> ToolList { try await listToolsSigned().tools }

    private func listToolsSigned() async throws -> (tools: ToolList, serverInfo: JSONValue?) {
        do { return try await readPages() } catch let fault as ProbeFault {
            throw ProbeFault("tools/list: \(fault.reason)", busy: fault.busy)
        }
    }

    private func readPages() async throws -> (ToolList, JSONValue?) {
        var list = ToolList()
        var info: JSONValue?
        var cursor: String?
        var id = 100
        repeat {
            let answer = try await call(id, "tools/list", cursor.map { ["cursor": .string($0)] } ?? [:])
            let page = try Self.complete(try answer.unwrapped())
            info = page["_meta"]?["io.modelcontextprotocol/serverInfo"] ?? info
            cursor = try list.add(page: page)
            id += 1
        } while cursor != nil
        return (list, info)
    }

    private func discover() async throws -> (name: String, version: String) {
        let answer: RPCAnswer
        do {
            answer = try await call(1, "server/discover")
        } catch let fault as ProbeFault where !fault.busy {
            throw NotThisEra(reason: fault.reason)
        }
        switch answer {
        case .error(let error) where error.code == RPCError.headerMismatch || error.isBusy: throw error.fault
        case .error(let error): throw NotThisEra(reason: error.description)
        case .result(let result):
            let versions = result["supportedVersions"]?.arrayValue?.compactMap(\.stringValue) ?? []
            guard versions.contains(Self.modernVersion) else {
                throw NotThisEra(reason: "server/discover does not offer version \(Self.modernVersion)")
            }
            return Self.identity(result["_meta"]?["io.modelcontextprotocol/serverInfo"])
        }
    }

    private mutating func initialize() async throws -> (name: String, version: String) {
        let params: [String: JSONValue] = [
            "protocolVersion": .string(Self.legacyVersion), "capabilities": .object([:]),
            "clientInfo": Self.clientInfo,
        ]
        let answer: RPCAnswer
        do {
            (answer, session) = try await converse(2, "initialize", params)
        } catch let fault as ProbeFault where !fault.busy {
            throw NotThisEra(reason: fault.reason)
        }
        let result: JSONValue
        switch answer {
        case .result(let value): result = value
        case .error(let error) where error.isBusy: throw error.fault
        case .error(let error): throw NotThisEra(reason: error.description)
        }
        // Dates compare as text.
        guard let agreed = result["protocolVersion"]?.stringValue, agreed <= Self.legacyVersion else {
            throw NotThisEra(reason: "initialize agrees on no version up to \(Self.legacyVersion)")
        }
        version = agreed
        try await notify("notifications/initialized")
        return Self.identity(result["serverInfo"])
    }

    /// Modern results may also ask the client for something, which a probe can't give.
    static func complete(_ result: JSONValue) throws -> JSONValue {
        if let kind = result["resultType"]?.stringValue, kind != "complete" {
            throw ProbeFault("result is \(Excerpt(kind, length: 40)) instead of complete")
        }
        return result
    }

    /// Modern requests stand alone and most servers sign each result: one request tells all.
    func visitAlone() async throws -> EraVisit {
        let (tools, info) = try await listToolsSigned()
        guard let info else {
            let (name, version) = try await discover()
            return EraVisit(name: name, version: version, tools: tools)
        }
        let (name, version) = Self.identity(info)
        return EraVisit(name: name, version: version, tools: tools)
    }

    private static func identity(_ info: JSONValue?) -> (name: String, version: String) {
        (info?["name"]?.stringValue ?? "", info?["version"]?.stringValue ?? "")
    }
}
