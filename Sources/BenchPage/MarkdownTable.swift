/// A table in Markdown: the first column is text, the others are figures.
package struct MarkdownTable {
  private let head: [String]
  private let isText: Bool
  private var rows: [[String]] = []

  /// - Parameter isText: whether every column is text.
  package init(_ head: [String], isText: Bool = false) {
    (self.head, self.isText) = (head, isText)
  }

  /// Adds a row; it has as many cells as the head.
  package mutating func add(_ cells: [String]) {
    precondition(cells.count == head.count)
    rows.append(cells)
  }

  /// Lines, each with a newline at its end.
  package var markdown: String {
    let rule = head.indices.map { isText || $0 == 0 ? "---" : "---:" }
    return ([head, rule] + rows).map { cells in
      "| " + cells.map(Self.escaped).joined(separator: " | ") + " |\n"
    }.joined()
  }

  /// A bar would end the cell.
  private static func escaped(_ cell: String) -> String {
    cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
