import Fleet
import Foundation
import Templates
import Testing

/// One golden file: what it is about, what the JSON Schema makes of it, the input, and every word
/// the parser says about it.
struct SpecCase: CustomTestStringConvertible, Sendable {
    enum Schema: Equatable { case accepts, refuses, cannotTell(String) }

    let file: URL
    let what: String
    let schema: Schema
    /// `fleet.yaml` or `profile.yaml`; `(escaped)` behind it means that `\xNN` stands for a byte.
    let inputName: String
    let input: [UInt8]
    let says: String
    private let head: String

    var testDescription: String { what }

    init(_ file: URL) throws {
        self.file = file
        let text = try String(contentsOf: file, encoding: .utf8)
        let parts = text.components(separatedBy: "=== says\n")
        guard parts.count == 2, let start = parts[0].range(of: "=== "),
            let lineEnd = parts[0].range(of: "\n", range: start.upperBound..<parts[0].endIndex)
        else { throw Malformed(file: file) }
        head = parts[0] + "=== says\n"
        says = parts[1]
        inputName = String(parts[0][start.upperBound..<lineEnd.lowerBound])
        let raw = String(parts[0][lineEnd.upperBound...])
        input = inputName.hasSuffix("(escaped)") ? Self.unescape(raw) : Array(raw.utf8)
        let header = parts[0][..<start.lowerBound].split(separator: "\n").map(String.init)
        what = Self.value("What: ", header) ?? ""
        schema =
            switch Self.value("Schema: ", header) {
            case "accepts": .accepts
            case "refuses": .refuses
            case let other: .cannotTell(other ?? "")
            }
    }

    struct Malformed: Error { let file: URL }

    private static func value(_ key: String, _ lines: [String]) -> String? {
        lines.first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) }
    }

    private static func unescape(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\"), rest.dropFirst().first == UInt8(ascii: "x"),
                let value = UInt8(String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }

    /// What the parser says now.
    func verdict() -> String {
        do {
            if inputName.hasPrefix("profile.yaml") {
                _ = try Profile.parse(input, file: "profile.yaml")
            } else {
                _ = try FleetSpec.parse(input, file: "fleet.yaml", profile: Self.lookup)
            }
            return "valid\n"
        } catch { return error.description + "\n" }
    }

    func update(says: String) throws { try Data((head + says).utf8).write(to: file) }

    static func lookup(_ name: String) throws -> Profile? {
        if name == "./broken.yaml" { return try Profile.parse("profile: mine\nreleases: [pypi\n", file: name) }
        if name == "./unreadable.yaml" {
            throw Failure(.badSpec, "cannot read \(name)", because: "permission denied", next: "make it readable")
        }
        return try Templates.profile(name).map { try Profile.parse($0, file: "\(name).yaml") }
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "Cases")

    static let all: [SpecCase] = {
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }.compactMap { try? SpecCase($0) }
    }()
}
