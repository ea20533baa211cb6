import Foundation

/// Where an nginx that is already there keeps what it goes by, found from the file that it includes.
struct StockNginx: Sendable {
    let mainFile: String
    let pidFile: String

    /// `nginx.conf` in the nearest directory above the file, else Debian's.
    init(including includeFile: String) {
        var directory = (includeFile as NSString).deletingLastPathComponent
        var found: String?
        while found == nil, directory != "/", !directory.isEmpty {
            let candidate = directory + "/nginx.conf"
            if FileManager.default.fileExists(atPath: candidate) { found = candidate }
            directory = (directory as NSString).deletingLastPathComponent
        }
        mainFile = found ?? "/etc/nginx/nginx.conf"
        pidFile = Self.pidFile(in: (try? String(contentsOfFile: mainFile, encoding: .utf8)) ?? "")
    }

    /// Debian's where the text names none, or one that depends on how nginx was started.
    static func pidFile(in text: String) -> String {
        for line in text.split(separator: "\n") {
            let words = line.split { " \t;\"'".contains($0) }
            if words.first == "pid", words.count > 1, words[1].hasPrefix("/") { return String(words[1]) }
        }
        return "/run/nginx.pid"
    }
}
