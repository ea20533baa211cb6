@testable import Conformance

/// A request as a strict parser reads it.
struct TinyRequest {
    enum Parsed {
        case malformed(Int)
        case request(TinyRequest)
    }

    var method: String
    var target: String
    /// Names in lower case.
    var headers: [(name: String, value: String)]
    var body: [UInt8] = []
    var hidesAnother = false
    /// Thumbprint of the client certificate.
    var certificate: String?

    subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
    func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

    static func parse(_ rest: inout ArraySlice<UInt8>) -> Parsed {
        guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else {
            rest = []
            return .malformed(400)
        }
        let head = rest[..<end.lowerBound]
        rest = rest[end.upperBound...]
        guard head.count < 32_000 else { return stop(&rest, 431) }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0",
            !lines.contains(where: { $0.contains("\n") || $0.contains("\r") || $0.contains("\0") })
        else { return stop(&rest, 400) }
        var request = TinyRequest(method: String(words[0]), target: String(words[1]), headers: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), !line[..<colon].contains(" "), colon != line.startIndex else {
                return stop(&rest, 400)
            }
            request.headers.append(
                (line[..<colon].lowercased(), line[line.index(after: colon)...].trimmed))
        }
        guard request.values("host").count == 1, request["host"]?.contains("/") == false else {
            return stop(&rest, 400)
        }
        return request.readBody(&rest)
    }

    private mutating func readBody(_ rest: inout ArraySlice<UInt8>) -> Parsed {
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        if !codings.isEmpty {
            guard codings == ["chunked"], lengths.isEmpty else { return Self.stop(&rest, 400) }
            while true {
                guard let end = rest.firstRange(of: Array("\r\n".utf8)) else { return Self.stop(&rest, 400) }
                let size = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
                guard !size.isEmpty, size.utf8.count <= 8, size.allSatisfy(\.isHexDigit),
                    let count = Int(size, radix: 16),
                    rest.count >= count
                else { return Self.stop(&rest, 400) }
                rest = rest[end.upperBound...]
                if count == 0 { break }
                body += rest.prefix(count)
                rest = rest.dropFirst(count + 2)
            }
            let end = rest.firstRange(of: Array("\r\n".utf8))?.upperBound ?? rest.endIndex
            rest =
                rest.prefix(upTo: rest.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? end) == []
                ? [] : rest[end...]
            if self["trailer"] != nil { rest = [] }
            return .request(self)
        }
        guard lengths.count <= 1 else { return Self.stop(&rest, 400) }
        if let length = lengths.first {
            guard length.utf8.count < 16, length.allSatisfy({ $0.isASCII && $0.isNumber }), let count = Int(length)
            else {
                return Self.stop(&rest, 400)
            }
            guard count < 4 << 20 else { return Self.stop(&rest, 413) }
            body = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            hidesAnother = method == "GET" && count > 0
        }
        return .request(self)
    }

    private static func stop(_ rest: inout ArraySlice<UInt8>, _ status: Int) -> Parsed {
        rest = []
        return .malformed(status)
    }
}
