/// A table for people: columns as wide as they need to be, the last one cut so that a line fits.
package struct Table: Sendable {
    private let header: [String]
    private var rows: [[String]] = []

    package init(_ header: String...) { self.init(header) }

    package init(_ header: [String]) { self.header = header }

    package mutating func add(_ cells: String...) { add(cells) }

    package mutating func add(_ cells: [String]) { rows.append(cells) }

    /// - Parameter width: columns of the terminal; nil (a pipe) cuts nothing.
    package func text(width: Int? = 80) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in
            all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return all.map { line($0, widths, width) }.joined(separator: "\n") + "\n"
    }

    private func line(_ cells: [String], _ widths: [Int], _ width: Int?) -> String {
        let padded = cells.enumerated().map { column, cell in
            column == cells.count - 1 ? cell : cell.padded(to: widths[column])
        }
        let line = padded.joined(separator: "  ")
        guard let width, line.count > width else { return line.trimmingSuffix }
        return String(line.prefix(max(0, width - 3))) + "..."
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    fileprivate var trimmingSuffix: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
