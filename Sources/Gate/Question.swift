import Admission

/// What the edge asks on one of its connections: the contract's requests, none of which has a body.
struct Question: Sendable {
    enum Aim: Sendable, Equatable { case authorize, health, session, sessions, unknown }

    var aim: Aim
    /// Whether the edge wants no more answers on this connection.
    var isLast: Bool
    /// Bytes of its head.
    var size: Int
    /// Whether a header of the client's held control characters.
    var isOdd = false
    var access = AccessRequest(pools: [], method: "")
    /// Every value of `X-Convoy-Owner`.
    var owners: [String] = []

    /// The headers that the contract knows. All others are nobody's business here.
    enum Field: UInt32, Sendable {
        case pool, method, query, authorization, origin, host, session, mcpMethod, mcpName, protocolVersion
        case requestID, client, certificate, owner

        /// Whether its value is the client's own, not the edge's.
        var isClients: Bool {
            switch self {
            case .authorization, .origin, .session, .mcpMethod, .mcpName, .protocolVersion: true
            case .pool, .method, .query, .host, .requestID, .client, .certificate, .owner: false
            }
        }

        /// By the name's lower-case bytes.
        init?(_ name: UnsafeRawBufferPointer) {
            switch name.count {
            case 4 where name.isSpelt("host"): self = .host
            case 6 where name.isSpelt("origin"): self = .origin
            case 8 where name.isSpelt("mcp-name"): self = .mcpName
            case 10 where name.isSpelt("mcp-method"): self = .mcpMethod
            case 12 where name.isSpelt("x-request-id"): self = .requestID
            case 13 where name.isSpelt("x-convoy-pool"): self = .pool
            case 13 where name.isSpelt("authorization"): self = .authorization
            case 14 where name.isSpelt("mcp-session-id"): self = .session
            case 14 where name.isSpelt("x-convoy-query"): self = .query
            case 14 where name.isSpelt("x-convoy-owner"): self = .owner
            case 15 where name.isSpelt("x-convoy-method"): self = .method
            case 15 where name.isSpelt("x-convoy-client"): self = .client
            case 20 where name.isSpelt("mcp-protocol-version"): self = .protocolVersion
            case 27 where name.isSpelt("x-convoy-client-certificate"): self = .certificate
            default: return nil
            }
        }
    }

    private var seen: UInt32 = 0

    init(aim: Aim, isLast: Bool, size: Int) {
        self.aim = aim
        self.isLast = isLast
        self.size = size
    }

    mutating func add(_ field: Field, _ value: String) {
        defer { seen |= 1 << field.rawValue }
        switch field {
        case .pool: access.pools.append(value)
        case .authorization: access.authorization.append(value)
        case .origin: access.origins.append(value)
        case .owner: owners.append(value)
        case .method: join(&access.method, value, field)
        case .query: join(&access.query, value, field)
        case .host: join(&access.host, value, field)
        case .session: join(&access.sessionID, value, field)
        case .mcpMethod: join(&access.mcpMethod, value, field)
        case .mcpName: join(&access.mcpName, value, field)
        case .protocolVersion: join(&access.protocolVersion, value, field)
        case .requestID: join(&access.requestID, value, field)
        case .client: join(&access.client, value, field)
        case .certificate: join(&access.clientCertificate, value, field)
        }
    }

    /// Two values make one that no rule takes: which of them counts is not for us to choose.
    private func join(_ text: inout String, _ value: String, _ field: Field) {
        text = seen & 1 << field.rawValue == 0 ? value : text + ", " + value
    }
}

extension UnsafeRawBufferPointer {
    /// In any case of letters. `text` is lower case.
    func isSpelt(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let wanted = text.utf8Start
        for index in 0..<count where self[index] != wanted[index] {
            guard (0x41...0x5a).contains(self[index]), self[index] | 0x20 == wanted[index] else { return false }
        }
        return true
    }
}
