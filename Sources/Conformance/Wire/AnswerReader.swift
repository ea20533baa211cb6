/// Takes apart what came back on one connection: answers in a row, lenient where that does no harm.
struct AnswerReader {
    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter bodiless: the answer to a HEAD: its length tells of a body that doesn't follow.
    static func answers(in bytes: [UInt8], bodiless: Bool = false) -> [Answer] {
        var reader = AnswerReader(bytes)
        var answers: [Answer] = []
        while let answer = reader.next(bodiless: bodiless) {
            if !(100..<200).contains(answer.status) { answers.append(answer) }
            if !answer.isComplete { break }
        }
        return answers
    }

    private mutating func next(bodiless: Bool) -> Answer? {
        guard let status = line(), status.hasPrefix("HTTP/"),
            let code = status.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        var headers: [Answer.Header] = []
        while let line = line() {
            if line.isEmpty { return body(of: code, headers, bodiless: bodiless) }
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers.append(
                .init(name: String(line[..<colon]), value: line[line.index(after: colon)...].trimmed))
        }
        return nil
    }

    private mutating func body(of status: Int, _ headers: [Answer.Header], bodiless: Bool) -> Answer {
        var answer = Answer(status: status, headers: headers, body: [], isComplete: true)
        if bodiless || status == 204 || status == 304 || (100..<200).contains(status) { return answer }
        if answer["Transfer-Encoding"]?.lowercased().contains("chunked") == true {
            (answer.body, answer.isComplete) = chunks()
        } else if let length = answer["Content-Length"].flatMap({ Int($0) }), length >= 0 {
            let end = min(bytes.count, index + length)
            answer.body = Array(bytes[index..<end])
            answer.isComplete = end == index + length
            index = end
        } else {
            // Until the connection ends.
            answer.body = Array(bytes[index...])
            answer.isComplete = false
            index = bytes.count
        }
        return answer
    }

    private mutating func chunks() -> ([UInt8], Bool) {
        var body: [UInt8] = []
        while let size = line() {
            guard let length = Int(size.prefix { $0.isHexDigit }, radix: 16) else { return (body, false) }
            if length == 0 {
                while let trailer = line() { if trailer.isEmpty { return (body, true) } }
                return (body, false)
            }
            let end = min(bytes.count, index + length)
            body += bytes[index..<end]
            guard end == index + length else { return (body, false) }
            index = end
            guard line() != nil else { return (body, false) }
        }
        return (body, false)
    }

    /// The next line without its end; nil when it hasn't ended.
    private mutating func line() -> String? {
        guard let end = bytes[index...].firstIndex(of: 0x0a) else { return nil }
        var slice = bytes[index..<end]
        if slice.last == 0x0d { slice = slice.dropLast() }
        index = end + 1
        return String(decoding: slice, as: UTF8.self)
    }
}
