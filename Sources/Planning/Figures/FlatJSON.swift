/// A line `{"key":"text","key":12}` as the edge writes it: thousands a second, so no more is read than is asked.
struct FlatJSON {
    private let text: String

    init(_ text: String) { self.text = text }

    /// Values of texts as they stand there, escapes and all; of these keys only.
    func fields(_ keys: Set<String>) -> [String: Substring] {
        var found: [String: Substring] = [:]
        var place = text.utf8.startIndex
        while found.count < keys.count, let key = string(&place) {
            guard byte(at: place) == UInt8(ascii: ":") else { continue }
            place = text.utf8.index(after: place)
            // A number has no quotes: the next text is a key again.
            guard byte(at: place) == UInt8(ascii: "\""), let value = string(&place) else { continue }
            if keys.contains(String(key)) { found[String(key)] = value }
        }
        return found
    }

    /// The next text in quotes; `place` is behind it then. A quote that a client sent is escaped, so it ends nothing.
    private func string(_ place: inout String.Index) -> Substring? {
        let bytes = text.utf8
        guard let open = bytes[place...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let start = bytes.index(after: open)
        var end = start
        while end < bytes.endIndex, bytes[end] != UInt8(ascii: "\"") {
            let isEscape = bytes[end] == UInt8(ascii: "\\")
            end = bytes.index(after: end)
            if isEscape, end < bytes.endIndex { end = bytes.index(after: end) }
        }
        guard end < bytes.endIndex else { return nil }
        place = bytes.index(after: end)
        return text[start..<end]
    }

    private func byte(at place: String.Index) -> UInt8? {
        place < text.utf8.endIndex ? text.utf8[place] : nil
    }
}
