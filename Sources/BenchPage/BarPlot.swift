/// Horizontal bars, one below the other, as an SVG image.
package struct BarPlot {
  package struct Bar {
    package var label: String
    /// What is drawn; nothing for a value of 0 or less.
    package var value: Double
    /// What stands beside the bar.
    package var text: String
    package var color: Color

    package init(label: String, value: Double, text: String, color: Color) {
      (self.label, self.value, self.text, self.color) = (label, value, text, color)
    }
  }

  package enum Color: String {
    case ours = "#0b6e4f"
    case bare = "#8c959f"
    case others = "#7aa6d8"
    /// Not finished within the bound: the bar would be longer.
    case bounded = "#d8a07a"
  }

  private let title: String
  private let isLogarithmic: Bool
  private let bars: [Bar]

  /// - Parameter isLogarithmic: for values that are apart by orders of magnitude.
  package init(title: String, isLogarithmic: Bool, bars: [Bar]) {
    (self.title, self.isLogarithmic, self.bars) = (title, isLogarithmic, bars)
  }

  private static let (width, labelWidth, textWidth) = (760, 190, 130)
  private static let (rowHeight, barHeight, headHeight) = (22, 14, 34)

  package var svg: String {
    let height = Self.headHeight + bars.count * Self.rowHeight + 10
    let scale = isLogarithmic ? ", logarithmic" : ""
    let lines =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.width)\" height=\"\(height)\" "
          + "viewBox=\"0 0 \(Self.width) \(height)\" font-family=\"sans-serif\" font-size=\"12\">",
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        "<text x=\"10\" y=\"21\" font-size=\"14\" fill=\"#1f2328\">"
          + "\(escaped(title + scale))</text>",
      ] + bars.enumerated().flatMap(row) + ["</svg>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(_ index: Int, _ bar: Bar) -> [String] {
    let top = Self.headHeight + index * Self.rowHeight
    let length = self.length(of: bar.value)
    let baseline = top + 11
    return [
      "<text x=\"\(Self.labelWidth - 8)\" y=\"\(baseline)\" text-anchor=\"end\" "
        + "fill=\"#1f2328\">\(escaped(bar.label))</text>",
      "<rect x=\"\(Self.labelWidth)\" y=\"\(top)\" width=\"\(length)\" "
        + "height=\"\(Self.barHeight)\" fill=\"\(bar.color.rawValue)\"/>",
      "<text x=\"\(Self.labelWidth + length + 6)\" y=\"\(baseline)\" "
        + "fill=\"#1f2328\">\(escaped(bar.text))</text>",
    ]
  }

  /// In pixels; the smallest bar of a logarithmic plot can still be seen.
  func length(of value: Double) -> Int {
    let room = Double(Self.width - Self.labelWidth - Self.textWidth)
    let values = bars.map(\.value).filter { $0 > 0 }
    guard value > 0, let least = values.min(), let most = values.max() else { return 0 }
    guard isLogarithmic else { return Int((value / most * room).rounded()) }
    let floor = least.binaryLogarithm - 1
    let span = most.binaryLogarithm - floor
    return Int(((value.binaryLogarithm - floor) / span * room).rounded())
  }

  private func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: String(character)
      }
    }.joined()
  }
}
