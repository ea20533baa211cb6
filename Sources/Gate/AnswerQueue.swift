import NIOCore

/// Answers of one connection in the order of its requests, though some take longer than others.
struct AnswerQueue {
    private struct Place {
        var answer: GateAnswer?
        var closing: Bool
        var leave: () -> Void
    }

    private var places = CircularBuffer<Place>()
    /// The number of the first place.
    private var first = 0

    /// Whether nobody waits.
    var isEmpty: Bool { places.isEmpty }
    var count: Int { places.count }

    mutating func append(_ answer: GateAnswer, closing: Bool) {
        places.append(Place(answer: answer, closing: closing, leave: {}))
    }

    /// The number to fill it in under.
    mutating func appendWaiting(closing: Bool, leave: @escaping () -> Void) -> Int {
        places.append(Place(answer: nil, closing: closing, leave: leave))
        return first + places.count - 1
    }

    mutating func fill(_ number: Int, with answer: GateAnswer) {
        let offset = number - first
        guard places.indices.count > offset, offset >= 0 else { return }
        places[places.index(places.startIndex, offsetBy: offset)].answer = answer
    }

    /// Writes out whatever nobody waits for any more.
    mutating func write(to buffer: inout ByteBuffer) {
        while let place = places.first, let answer = place.answer {
            answer.write(to: &buffer, closing: place.closing)
            places.removeFirst()
            first += 1
        }
    }

    /// Nobody reads the answers any more.
    mutating func abandon() {
        let waiting = places.filter { $0.answer == nil }
        first += places.count
        places.removeAll()
        for place in waiting { place.leave() }
    }
}
