import Fleet
import NIOHTTP1

/// For how long an answer wishes to be kept (RFC 9111, 5.2.2).
enum CacheLifetime {
    /// Nil when it says nothing that can be read.
    static func maxAge(_ headers: HTTPHeaders) -> Seconds? {
        let directives = headers[canonicalForm: "Cache-Control"].map { $0.lowercased() }
        if directives.contains("no-store") || directives.contains("no-cache") { return 0 }
        for directive in directives where directive.hasPrefix("max-age=") {
            var text = directive.dropFirst("max-age=".count)
            if text.first == "\"", text.last == "\"", text.utf8.count > 1 { text = text.dropFirst().dropLast() }
            guard !text.isEmpty, text.utf8.count <= 12, text.utf8.allSatisfy({ (48...57).contains($0) }),
                let age = Double(text)
            else { return nil }
            // What a cache in between has used up already.
            let used = headers.first(name: "Age").flatMap(Int.init).map { Double(max(0, $0)) } ?? 0
            return Seconds(max(0, age - used))
        }
        return nil
    }
}
