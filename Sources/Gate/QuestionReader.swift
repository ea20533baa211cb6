import Glibc

/// Reads the edge's questions: HTTP/1.1 (RFC 9112) as nginx writes it, and no more of it than the contract
/// has. An HTTP library's reader costs as much as all the rest of a decision; why we have our own, and what
/// holds it to the standard: ops/decisions/0005-gate.md.
enum QuestionReader {
    /// Nothing that nginx would send.
    struct Malformed: Error, Sendable {}

    /// The first question in `bytes`, of which it takes `size`; nil when it is not whole yet.
    static func first(in bytes: UnsafeRawBufferPointer) throws(Malformed) -> Question? {
        guard let size = headSize(bytes) else { return nil }
        var rest = UnsafeRawBufferPointer(rebasing: bytes[..<(size - 2)])
        var question = try requestLine(try line(&rest), size: size)
        while !rest.isEmpty { try field(try line(&rest), &question) }
        return question
    }

    /// Up to and with the empty line; nil when there is none yet.
    private static func headSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        var from = 0
        while let found = memchr(start + from, 0x0a, bytes.count - from) {
            from = UnsafeRawPointer(found) - start + 1
            guard from + 1 < bytes.count else { return nil }
            if bytes[from] == 0x0d, bytes[from + 1] == 0x0a { return from + 2 }
        }
        return nil
    }

    /// Cuts a line off, without its end.
    private static func line(_ rest: inout UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer {
        guard let start = rest.baseAddress, let found = memchr(start, 0x0a, rest.count) else { throw Malformed() }
        let length = UnsafeRawPointer(found) - start
        guard length > 0, rest[length - 1] == 0x0d else { throw Malformed() }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<(length - 1)])
    }

    private static func requestLine(_ line: UnsafeRawBufferPointer, size: Int) throws(Malformed) -> Question {
        guard line.isClean else { throw Malformed() }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[1].first == UInt8(ascii: "/") else { throw Malformed() }
        let version = UnsafeRawBufferPointer(rebasing: words[2])
        let isOld = version.isExactly("HTTP/1.0")
        guard isOld || version.isExactly("HTTP/1.1") else { throw Malformed() }
        let method = UnsafeRawBufferPointer(rebasing: words[0])
        let target = UnsafeRawBufferPointer(rebasing: words[1])
        let aim: Question.Aim =
            if method.isExactly("GET"), target.isExactly("/authorize") {
                .authorize
            } else if method.isExactly("POST"), target.isExactly("/session") {
                .session
            } else if method.isExactly("GET"), target.isExactly("/healthz") {
                .health
            } else if method.isExactly("GET"), target.isExactly("/sessions") {
                .sessions
            } else {
                .unknown
            }
        return Question(aim: aim, isLast: isOld, size: size)
    }

    private static func field(_ line: UnsafeRawBufferPointer, _ question: inout Question) throws(Malformed) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { throw Malformed() }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        let value = trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
        // The names that it knows are well spelt.
        if let field = Question.Field(name) {
            guard value.isClean else { return try odd(field, value, &question) }
            question.add(field, String(decoding: value, as: UTF8.self))
            return
        }
        guard value.isClean else { throw Malformed() }
        guard name.isToken else { throw Malformed() }
        if name.isSpelt("content-length") {
            // The contract has no bodies; where one would end is for nobody to guess.
            guard value.isExactly("0") else { throw Malformed() }
        } else if name.isSpelt("transfer-encoding") {
            throw Malformed()
        } else if name.isSpelt("connection"), value.isSpelt("close") {
            question.isLast = true
        }
    }

    /// nginx passes on what its client wrote, control characters and all but those that end a line or a text. Such a
    /// value is never looked at; that there was one is the answer.
    private static func odd(
        _ field: Question.Field, _ value: UnsafeRawBufferPointer, _ question: inout Question
    ) throws(Malformed) {
        guard field.isClients, !value.contains(0x0d), !value.contains(0x00) else { throw Malformed() }
        question.isOdd = true
    }

    private static func trimmed(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var (first, last) = (value.startIndex, value.endIndex)
        while first < last, value[first] == 0x20 || value[first] == 0x09 { first += 1 }
        while first < last, value[last - 1] == 0x20 || value[last - 1] == 0x09 { last -= 1 }
        return UnsafeRawBufferPointer(rebasing: value[first..<last])
    }
}

extension UnsafeRawBufferPointer {
    func isExactly(_ text: StaticString) -> Bool {
        guard let baseAddress, count == text.utf8CodeUnitCount else { return false }
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// No control characters (RFC 9110, 5.5). Without a branch per byte: this sees every byte there is.
    var isClean: Bool {
        var fault: UInt8 = 0
        for byte in self { fault |= (byte < 0x20 && byte != 0x09 ? 1 : 0) | (byte == 0x7f ? 1 : 0) }
        return fault == 0
    }

    /// RFC 9110, 5.6.2: so neither a blank before the colon nor a folded line passes.
    var isToken: Bool {
        for byte in self {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: continue
            case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2e, 0x5e, 0x60, 0x7c, 0x7e: continue
            default: return false
            }
        }
        return true
    }
}
