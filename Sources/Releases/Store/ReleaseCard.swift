import Fleet
import Foundation

/// `release.json` beside a release's tree: what it is and how its commands start.
struct ReleaseCard: Codable, Equatable {
    static let file = "release.json"

    /// How one command starts; paths are below the tree.
    enum Start: Codable, Equatable {
        /// A Python entry point `module:attribute`, run by the launcher.
        case entryPoint(String)
        case program(path: String)
    }

    var format = 1
    /// With its version filled in.
    var reference: ReleaseReference
    var digest: Digest
    /// Installed for: decides whose Python may use the bytecode.
    var platform: String
    /// Empty for `path:` releases, whose commands are paths.
    var commands: [String: Start]

    func encode() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self) + Data("\n".utf8))
    }

    init(reference: ReleaseReference, digest: Digest, platform: String, commands: [String: Start]) {
        self.reference = reference
        self.digest = digest
        self.platform = platform
        self.commands = commands
    }

    /// Nil for anything that is no card.
    init?(_ bytes: [UInt8]) {
        guard let card = try? JSONDecoder().decode(Self.self, from: Data(bytes)), card.format == 1 else { return nil }
        self = card
    }
}
