import Fleet
import Foundation

/// Where nginx is on this machine.
enum NginxProgram {
    /// `path`: absolute; nil = looked for in the usual places and PATH.
    static func found(_ path: String?) throws -> String {
        let inPath = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/nginx" }
        let candidates = path.map { [$0] } ?? ["/usr/sbin/nginx"] + inPath
        let isProgram = FileManager.default.isExecutableFile(atPath:)
        guard let found = candidates.first(where: { $0.hasPrefix("/") && isProgram($0) }) else {
            throw Failure(
                .unavailable, "cannot find nginx", because: "no executable at \(candidates.joined(separator: ", "))",
                next: "apt-get install nginx-light")
        }
        return found
    }
}
