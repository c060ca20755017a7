/// Text in columns, as wide as their widest cell.
package struct TextTable: Sendable {
    /// The rows, the heading first.
    package var rows: [[String]]
    /// What a column takes at least, the gap after it included.
    package var minimumWidth: Int
    /// The blanks between columns, at least.
    package var gap: Int

    /// A table under a heading.
    package init(heading: [String], minimumWidth: Int = 10, gap: Int = 3) {
        rows = [heading]
        self.gap = gap
        self.minimumWidth = minimumWidth
    }

    /// The lines of the table, each with its end.
    package var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            max(minimumWidth, (rows.map { column < $0.count ? $0[column].displayWidth : 0 }.max() ?? 0) + gap)
        }
        var result = ""
        for row in rows {
            for (column, cell) in row.enumerated() {
                result += column == row.count - 1 ? cell : cell.padded(to: widths[column])
            }
            result += "\n"
        }
        return result
    }
}
