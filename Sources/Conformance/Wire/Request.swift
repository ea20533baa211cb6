/// A request as bytes, with the words that tell a reader what was odd about it. Never the token in them.
struct Request: Sendable {
    var method: String
    /// The request target, verbatim.
    var path: String
    var version = "HTTP/1.1"
    /// Order and spelling are kept; duplicates are what they look like.
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    /// What was sent, in words.
    var words: String
    /// False: no `Content-Length` is added.
    var isMeasured = true

    func bytes() -> [UInt8] {
        var text = "\(method) \(path) \(version)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if isMeasured, !body.isEmpty || method == "POST" { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + body
    }

    /// Sets a header, replacing those of that name; nil removes it.
    func with(_ name: String, _ value: String?) -> Request {
        var copy = self
        copy.headers.removeAll { $0.name.lowercased() == name.lowercased() }
        if let value { copy.headers.append((name, value)) }
        return copy
    }

    /// Adds a header beside those of that name.
    func adding(_ name: String, _ value: String) -> Request {
        var copy = self
        copy.headers.append((name, value))
        return copy
    }

    func to(_ path: String) -> Request {
        var copy = self
        copy.path = path
        return copy
    }

    func by(_ method: String) -> Request {
        var copy = self
        copy.method = method
        return copy
    }

    func body(_ text: String) -> Request {
        var copy = self
        copy.body = Array(text.utf8)
        return copy
    }

    func unmeasured() -> Request {
        var copy = self
        copy.isMeasured = false
        return copy
    }

    func saying(_ words: String) -> Request {
        var copy = self
        copy.words = words
        return copy
    }
}
