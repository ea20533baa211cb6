import Foundation
import Testing

@Suite(
    "The JSON Schema of fleet.yaml (real parts)",
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct SchemaTests {
    @Test("the schema accepts and refuses the same cases as the parser")
    func agrees() throws {
        let parts = try #require(ProcessInfo.processInfo.environment["CONVOY_PARTS"])
        let check = Process()
        let output = Pipe()
        check.executableURL = URL(filePath: parts + "/lint/bin/python")
        // Out of the sources, not out of a build folder that may link to them.
        let root = SpecCase.folder.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        check.arguments = [root.path + "/ops/schemas/check.py", SpecCase.folder.path]
        check.standardOutput = output
        check.standardError = output
        try check.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        check.waitUntilExit()
        #expect(check.terminationStatus == 0, "\(said)")
    }

    @Test("what the schema is told of a case is what the parser does")
    func honest() {
        for example in SpecCase.all where example.schema == .accepts { #expect(example.verdict() == "valid\n") }
        for example in SpecCase.all where example.schema == .refuses { #expect(example.verdict() != "valid\n") }
    }
}
