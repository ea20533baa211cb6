import Crypto
import Fleet
import Foundation
import Ports

/// The tools a server lists, over all pages.
struct ToolList: Sendable {
    /// Far more than any server has; a server that pages forever is broken.
    static let pageLimit = 64

    private(set) var tools: [JSONValue] = []
    private var cursors: Set<String> = []

    /// Takes in one page; the cursor of the next one, if any.
    mutating func add(page: JSONValue) throws -> String? {
        guard let items = page["tools"]?.arrayValue else { throw ProbeFault("no list of tools") }
        for item in items where item["name"]?.stringValue == nil {
            throw ProbeFault("a tool without a name")
        }
        tools += items
        guard let cursor = page["nextCursor"]?.stringValue else { return nil }
        guard cursors.insert(cursor).inserted else { throw ProbeFault("the same page comes again") }
        guard cursors.count < Self.pageLimit else {
            throw ProbeFault("more than \(Self.pageLimit) pages")
        }
        return cursor
    }

    var names: [String] { tools.compactMap { $0["name"]?.stringValue }.sorted(by: Self.byBytes) }

    /// SHA-256 over canonical JSON of what a client sees of each tool; order, transport metadata
    /// and titles outside the annotations don't count.
    func digest() throws -> Fleet.Digest {
        let seen = ["name", "description", "inputSchema", "outputSchema", "annotations"]
        let canonical = tools.map { tool in
            var members: [String: JSONValue] = [:]
            for key in seen where tool[key] != .null { members[key] = tool[key] }
            return JSONValue.object(members)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var lines = try canonical.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        lines.sort(by: Self.byBytes)
        let sum = SHA256.hash(data: Data(lines.joined(separator: "\n").utf8))
        let hexadecimal = sum.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        guard let digest = Fleet.Digest(hex: hexadecimal) else { throw ProbeFault("cannot be digested") }
        return digest
    }

    private static func byBytes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension JSONValue {
    /// As compact JSON text with sorted keys.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
