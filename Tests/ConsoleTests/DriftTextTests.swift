import Fleet
import Testing

@testable import Console

@Suite("Drift text")
struct DriftTextTests {
    @Test("every line fits 80 columns, whatever the paths")
    func width() {
        let path = "/" + String(repeating: "long-name/", count: 30)
        let report = DriftReport(
            fleet: "shop",
            findings: [
                DriftFinding(
                    .mode, path, wish: "0600", found: String(repeating: "many words ", count: 40), whoCould: "root",
                    heal: "sets the mode", canHeal: true)
            ], healed: ["x"], notes: [path], unseen: ["the database: " + path])
        let text = DriftText(report).text
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.filter { !$0.isWhitespace }.contains(path))
        #expect(text.contains("1 difference\n"))
    }

    @Test("a fleet without drift says so in one line")
    func clean() { #expect(DriftText(DriftReport(fleet: "shop")).text == "shop: no drift\n") }
}
