/// A file in superv's own dialect that is being written.
struct ConfigurationText {
  private(set) var text = ""
  private static let width = 100

  /// A paragraph of comment.
  ///
  /// - Parameter isItem: of a list.
  mutating func comment(_ paragraph: String, isItem: Bool = false) {
    var line = isItem ? "; -" : ";"
    for word in paragraph.split(separator: " ") {
      if line.count + 1 + word.count > Self.width {
        text += "\(line)\n"
        line = isItem ? ";  " : ";"
      }
      line += " \(word)"
    }
    text += "\(line)\n"
  }

  mutating func blank() { text += "\n" }

  mutating func header(_ header: String) { text += "[\(header)]\n" }

  mutating func key(_ name: String, _ value: String) {
    text += value.isEmpty ? "\(name) =\n" : "\(name) = \(value)\n"
  }

  mutating func command(_ words: [InstanceText]) {
    let lines = commandLines(words, width: Self.width - "command = ".count)
    key("command", lines.joined(separator: "\n    "))
  }

  /// On one line where they fit, else on one line each.
  mutating func environment(_ variables: [(name: String, value: InstanceText)]) {
    let items = environmentItems(variables)
    guard !items.isEmpty else { return }
    let line = items.joined(separator: ", ")
    if line.count + "environment = ".count <= Self.width {
      key("environment", line)
    } else {
      text += "environment =\n" + items.map { "    \($0)\n" }.joined()
    }
  }
}

/// Text from another file in quotation marks for a comment, on one line whatever it is.
func quotedWhole(_ text: String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars {
    if scalar.isControl {
      shown += scalar.escaped(asASCII: true)
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return "`\(shown)`"
}
