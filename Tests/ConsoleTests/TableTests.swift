import Testing

@testable import Console

@Suite("Table")
struct TableTests {
    private func table() -> Table {
        var table = Table("NAME", "STATE", "WHY")
        table.add("analytics-1-g2", "serving", "")
        table.add("b", "unfit", String(repeating: "because ", count: 20) + "end")
        return table
    }

    @Test("columns line up, and no line ends in blanks")
    func columns() {
        let lines = table().text(width: nil).split(separator: "\n")
        #expect(lines[0] == "NAME            STATE    WHY")
        #expect(lines[1] == "analytics-1-g2  serving")
        #expect(lines[2].hasPrefix("b               unfit    because because"))
        #expect(lines[2].hasSuffix("end"))
    }

    @Test("no line is longer than the terminal", arguments: [21, 40, 80, 132])
    func width(width: Int) {
        let lines = table().text(width: width).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width })
        #expect(lines[2].hasSuffix("..."))
        #expect(lines[2].count == width)
    }

    @Test("an empty table is its header")
    func empty() { #expect(Table("A", "B").text() == "A  B\n") }
}
