import Fleet
import Foundation
import Testing

/// The bytes that a rendering is held to; CONVOY_UPDATE_GOLDENS=1 takes what is rendered now for right.
enum Golden {
    static func expect(_ content: String, is name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Goldens/\(name)")
        if ProcessInfo.processInfo.environment["CONVOY_UPDATE_GOLDENS"] == "1" {
            try content.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(content == (try String(contentsOf: file, encoding: .utf8)))
        #expect(!content.contains("{{") && !content.contains("Optional(") && !content.contains("&quot;"))
    }
}

/// Runs a real tool to its end; both its outputs as one text.
enum Tool {
    static func run(_ executable: String, _ arguments: [String]) throws -> (code: Int32, words: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"]
        try process.run()
        let words = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, words)
    }
}
