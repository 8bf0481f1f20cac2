/// The colors that text for people uses (ECMA-48, SGR).
enum Color: String, Sendable {
  case red = "31"
  case green = "32"
  case yellow = "33"
  case faint = "2"
  case bold = "1"
}

/// A piece of text that may have a color.
struct Cell: Hashable, Sendable {
  var text: String
  var color: Color?

  init(_ text: String, _ color: Color? = nil) {
    self.text = printable(text)
    self.color = color
  }

  func rendered(_ style: Style) -> String { rendered(text, style) }

  fileprivate func rendered(_ shown: String, _ style: Style) -> String {
    guard style.usesColor, let color, !shown.isEmpty else { return shown }
    return "\u{1B}[\(color.rawValue)m\(shown)\u{1B}[0m"
  }
}

/// Text from elsewhere without what a terminal might obey: control characters become spaces.
func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: \.isControl) else { return text }
  let scalars = text.unicodeScalars.map { $0.isControl ? " " : $0 }
  return String(String.UnicodeScalarView(scalars))
}

extension Unicode.Scalar {
  /// C0, DEL and C1 (ECMA-48), but for the tab.
  fileprivate var isControl: Bool {
    value < 0x20 && value != 0x09 || (0x7F...0x9F).contains(value)
  }
}

/// Rows under headings. The last column takes the room that is left of a terminal's width.
struct Table: Sendable {
  struct Column: Sendable {
    var title: String
    var isNumeric = false
  }

  /// However narrow the terminal is, the last column keeps this much.
  private static let minimumLastWidth = 12

  var columns: [Column]
  var rows: [[Cell]] = []

  func rendered(_ style: Style) -> String {
    let heading = columns.map { Cell($0.title, .bold) }
    let lines = [heading] + rows
    let widths = columns.indices.map { column in
      lines.map { $0[column].text.count }.max() ?? 0
    }
    return lines.map { line($0, widths, style) + "\n" }.joined()
  }

  private func line(_ cells: [Cell], _ widths: [Int], _ style: Style) -> String {
    var text = ""
    var used = 0
    for (column, cell) in cells.enumerated() {
      if column == cells.count - 1 {
        if cell.text.isEmpty { break }
        let room = style.width.map { max(Self.minimumLastWidth, $0 - used) }
        return text + cell.rendered(shortened(cell.text, to: room), style)
      }
      let padding = String(repeating: " ", count: widths[column] - cell.text.count)
      let shown = cell.rendered(cell.text, style)
      text += columns[column].isNumeric ? padding + shown : shown + padding
      text += "  "
      used += widths[column] + 2
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}

/// At most `width` characters, with an ellipsis where something is missing.
func shortened(_ text: String, to width: Int?) -> String {
  guard let width, text.count > width else { return text }
  return text.prefix(max(0, width - 1)) + "…"
}
