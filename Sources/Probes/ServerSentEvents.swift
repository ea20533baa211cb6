/// Reads a `text/event-stream` piece by piece (WHATWG HTML, section 9.2). Only data matters here:
/// ids, retry times and event names are skipped.
struct ServerSentEvents {
    private var line: [UInt8] = []
    private var data: [UInt8]?
    private var lastWasCarriageReturn = false
    private var atStart = true

    /// The data of each event that these bytes complete.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        var events: [[UInt8]] = []
        for byte in bytes {
            let followsReturn = lastWasCarriageReturn
            lastWasCarriageReturn = byte == 0x0D
            switch byte {
            case 0x0A where followsReturn: continue
            case 0x0A, 0x0D:
                if let event = endLine() { events.append(event) }
            default: line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if atStart {
            atStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty {
            defer { data = nil }
            return data
        }
        guard line.first != UInt8(ascii: ":") else { return nil }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        guard line[..<colon].elementsEqual("data".utf8) else { return nil }
        var value = colon < line.endIndex ? line[(colon + 1)...] : []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        if data == nil { data = Array(value) } else { data?.append(0x0A); data?.append(contentsOf: value) }
        return nil
    }
}
