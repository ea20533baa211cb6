import ArgumentParser
import Conformance
import Fleet
import Supervision

/// What an edge promises besides being a resource server. Of a fleet it is known; of others it must be said.
struct PromiseOptions: ParsableArguments {
    @Option(help: "A tool that exists and that nobody may call. A broken edge would call it, without arguments.")
    var deniedTool: String?

    @Option(help: "With --denied-tool: a tool that may be called. It is called without arguments.")
    var allowedTool: String?

    @Option(help: "How often one subject may ask: 50/s, 300/m.")
    var rate: String?

    @Option(help: "With --rate: how many requests at once; default: those of two seconds, at least 10.")
    var burst: Int?

    @Option(help: "An address that clients may come from, where only some may. May be repeated.")
    var listedClient: [String] = []

    @Flag(help: "This machine is at none of those addresses: check that all is refused, and nothing else.")
    var fromOutside = false

    func check() throws {
        guard allowedTool == nil || deniedTool != nil else {
            throw refused("--allowed-tool is not used without --denied-tool")
        }
        guard burst == nil || rate != nil else { throw refused("--burst is not used without --rate") }
        guard burst ?? 1 > 0 else { throw refused("--burst must be 1 or more") }
        for address in listedClient where IPAddress.bytes(address) == nil {
            throw refused("--listed-client \(address) is no IP address")
        }
    }

    /// - Parameter rule: of the fleet's pool; words on the command line come first.
    func tools(_ rule: ToolRule? = nil) -> Target.Tools? {
        if let deniedTool { return .init(denied: deniedTool, allowed: allowedTool) }
        guard let rule, let first = rule.names.first else { return nil }
        let letsLegacyIn = rule.legacyTools == .limited
        switch rule.kind {
        case .allow:
            // Of the many names that are not on the list, one that surely is not.
            let other = rule.names.max(by: { $0.utf8.count < $1.utf8.count }).map { $0 + "_verify" } ?? "convoy_verify"
            return .init(denied: other, allowed: first, letsLegacyIn: letsLegacyIn)
        case .deny: return .init(denied: first, letsLegacyIn: letsLegacyIn)
        }
    }

    func rate(_ limit: RateLimit? = nil) throws -> RateLimit? {
        guard let rate else { return limit }
        do { return try RateLimit(parsing: rate, burst: burst) } catch {
            throw Failure(.usage, "cannot use --rate", because: error.what, next: error.fix)
        }
    }

    func clients(_ blocks: [AddressBlock]? = nil) throws -> Target.Clients? {
        guard listedClient.isEmpty else { return .init(listed: listedClient, isOutside: fromOutside) }
        guard let blocks else {
            if fromOutside { throw refused("--from-outside needs --listed-client: an address that may come") }
            return nil
        }
        let unlisted = Target.Clients.documentation.filter { address in
            IPAddress.bytes(address).map { bytes in !blocks.contains { $0.contains(bytes) } } ?? false
        }
        if unlisted.isEmpty { return nil }
        let listed = blocks.map { String($0.text.prefix { $0 != "/" }) }
        return .init(listed: listed, unlisted: unlisted, isOutside: fromOutside)
    }

    private func refused(_ why: String) -> Failure {
        Failure(.usage, "cannot verify", because: why, next: "see `convoy verify --help`")
    }
}
