import Fleet
import Testing

@testable import Releases

@Suite("Manifest")
struct ManifestTests {
    private let entries: [String: Manifest.Content] = [
        "b/ä": .file(sha256: "00", executable: false), "b": .directory, "a": .link(target: "b/x y"),
        "b-c": .file(sha256: "11", executable: true),
    ]

    @Test("the canonical form is sorted by bytes and shows type, content and path only")
    func canonical() {
        let lines = Manifest(kind: .path, entries: entries).canonical.split(separator: "\n")
        #expect(lines.first == "convoy release 1 path")
        #expect(lines.dropFirst().map { $0.split(separator: " ").last } == ["a", "b", "b-c", "b/ä"])
        #expect(lines[2] == "d b")
        #expect(lines[3] == "x 11 b-c")
        #expect(lines[4] == "f 00 b/ä")
    }

    @Test("the kind, the executable bit, a link's target and a path each change the digest")
    func sensitivity() throws {
        let base = Manifest(kind: .path, entries: entries)
        var seen = [try base.digest()]
        seen.append(try Manifest(kind: .pypi, entries: entries).digest())
        for (path, content) in [
            ("b-c", Manifest.Content.file(sha256: "11", executable: false)), ("a", .link(target: "b/x z")),
            ("new", .directory),
        ] {
            var other = base
            other.entries[path] = content
            seen.append(try other.digest())
        }
        #expect(Set(seen).count == seen.count)
    }

    @Test(
        "a link may move around in its release but not leave it",
        arguments: [
            ("lib/run", "../run", true), ("lib/run", "../../run", false), ("run", "/bin/sh", false),
            ("a/b/c", "../../x/../y", true), ("run", "lib/../../x", false), ("run", "", false),
        ])
    func links(path: String, target: String, stays: Bool) {
        #expect(LinkTarget.stays(below: path, target: target) == stays)
    }
}
