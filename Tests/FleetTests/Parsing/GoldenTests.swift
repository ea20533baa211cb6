import Foundation
import Testing

@Suite("Messages of the spec parser")
struct GoldenTests {
    /// `CONVOY_UPDATE_GOLDENS=1` writes down what the parser says now; read every line of the diff.
    private static let updates = ProcessInfo.processInfo.environment["CONVOY_UPDATE_GOLDENS"] == "1"

    @Test("every case says exactly what its golden says", arguments: SpecCase.all)
    func golden(_ example: SpecCase) throws {
        let verdict = example.verdict()
        if Self.updates {
            try example.update(says: verdict)
        } else {
            #expect(verdict == example.says, "\(example.file.lastPathComponent)")
        }
    }

    @Test("there are more than sixty broken specs, and each has a message of its own")
    func coverage() {
        let broken = SpecCase.all.filter { $0.verdict() != "valid\n" }
        #expect(broken.count >= 60)
        #expect(SpecCase.all.count - broken.count >= 8)
        // One mistake, one message: cases about different mistakes never read the same.
        #expect(Set(broken.map { $0.verdict() }).count >= broken.count - 6)
    }

    @Test("no message repeats a password")
    func secrets() {
        for example in SpecCase.all {
            #expect(!example.verdict().contains("hunter2"), "\(example.file.lastPathComponent)")
        }
    }

    @Test("files named good are valid, all others are not")
    func names() {
        for example in SpecCase.all {
            let good = example.file.lastPathComponent.contains("good")
            #expect(good == (example.verdict() == "valid\n"), "\(example.file.lastPathComponent)")
        }
    }
}
