/// Something wrong in a configuration: where, what, and what to do about it.
package struct Diagnostic: Hashable, Sendable, Error, CustomStringConvertible {
  package enum Severity: String, Hashable, Sendable { case error, warning }

  package var severity: Severity
  /// As the user knows it: relative where `loadConfiguration` was told from where.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, in Unicode scalars; a tab is one.
  package var column: Int
  package var message: String
  package var hint: String?
  /// The text of the line, where there is one.
  package var sourceLine: String?

  package init(
    _ severity: Severity, file: String, line: Int, column: Int, _ message: String,
    hint: String? = nil, sourceLine: String? = nil
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.hint = hint
    self.sourceLine = sourceLine
  }

  /// `file:line:column: error: message`, then `  hint: …` on a line of its own. No final newline.
  package var description: String {
    let first = "\(file):\(line):\(column): \(severity.rawValue): \(message)"
    return hint.map { "\(first)\n  hint: \($0)" } ?? first
  }

  /// The description with the source line and a caret under the column. No final newline.
  package func rendered(color: Bool) -> String {
    let (bold, tint, plain) = color ? ("\u{1B}[1m", severity.tint, "\u{1B}[0m") : ("", "", "")
    var text = "\(bold)\(file):\(line):\(column): \(tint)\(severity.rawValue):\(plain)"
    text += "\(bold) \(message)\(plain)"
    if let sourceLine {
      let excerpt = Excerpt(of: sourceLine, column: column)
      text += "\n  \(excerpt.text)\n  \(excerpt.indent)\(tint)^\(plain)"
    }
    if let hint { text += "\n  hint: \(hint)" }
    return text
  }
}

extension Diagnostic.Severity {
  fileprivate var tint: String { self == .error ? "\u{1B}[31m" : "\u{1B}[35m" }
}

/// The part of a line around a column, safe to print: no control characters, at most 100 long.
private struct Excerpt {
  var text = ""
  /// As wide as what stands before the column: tabs stay tabs.
  var indent = ""

  init(of line: String, column: Int) {
    let scalars = Array(line.unicodeScalars)
    let start = column <= 80 ? 0 : min(column - 40, scalars.count)
    for (index, scalar) in scalars[start...].prefix(100).enumerated() {
      let shown = scalar == "\t" || !scalar.isControl ? scalar : "\u{FFFD}"
      text.unicodeScalars.append(shown)
      if start + index + 1 < column { indent += scalar == "\t" ? "\t" : " " }
    }
    // At the end of the line, or where nothing is left of it.
    let missing = column - 1 - start - indent.unicodeScalars.count
    if column > scalars.count, missing > 0 { indent += String(repeating: " ", count: missing) }
  }
}

extension Unicode.Scalar {
  /// C0, DEL and C1: what a terminal might obey.
  var isControl: Bool { properties.generalCategory == .control }
}

/// Text from a file, in quotation marks for a message: control characters escaped, at most 60 long.
func quoted(_ text: String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars.prefix(60) {
    if scalar.isControl {
      shown += scalar.escaped(asASCII: true)
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return text.unicodeScalars.count > 60 ? "`\(shown)…`" : "`\(shown)`"
}
