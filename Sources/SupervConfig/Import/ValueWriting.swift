// Values as superv's own dialect writes them: what is written here, the reader reads as it was.

/// A path, a name, a number: what the reader takes as it stands.
func plainValue(_ text: InstanceText) -> String {
  let value = text.written(escaped)
  var written = ""
  let scalars = Array(value.unicodeScalars)
  for (index, scalar) in scalars.enumerated() {
    // White space at the end is none of the value's, and one before these marks begins a comment.
    let isLast = index + 1 == scalars.count || [";", "#"].contains(scalars[index + 1])
    if scalar == " ", isLast || index == 0 {
      written += "%(U+0020)s"
    } else {
      written.unicodeScalars.append(scalar)
    }
  }
  return written
}

/// The words of a command, as lines that are at most `width` wide where words allow it.
func commandLines(_ words: [InstanceText], width: Int) -> [String] {
  var lines: [String] = []
  for word in words {
    let text = commandWord(word, isForced: false)
    if let last = lines.last, last.utf8.count + 1 + text.utf8.count <= width {
      lines[lines.count - 1] = "\(last) \(text)"
    } else {
      // A line that begins as a key does would be taken for one that is indented by mistake.
      lines.append(lines.isEmpty ? text : commandWord(word, isForced: text.contains("=")))
    }
  }
  return lines
}

private func commandWord(_ word: InstanceText, isForced: Bool) -> String {
  let text = word.common
  let isBare = text.utf8.allSatisfy { $0.isWordByte || $0.isBareMark || $0 == comma }
  if isBare, !word.pieces.isEmpty, !isForced { return word.written(escaped) }
  if !text.contains("'") { return "'\(word.written(escaped))'" }
  return "\"" + word.written { backslashed(escaped($0), ["\"", "\\", "$", "`"]) } + "\""
}

/// `NAME=value`, one each.
func environmentItems(_ variables: [(name: String, value: InstanceText)]) -> [String] {
  variables.map { name, value in
    let name =
      name.isEnvironmentName ? name : "\"\(backslashed(escaped(name), ["\"", "\\"]))\""
    let isBare = value.common.utf8.allSatisfy { $0.isWordByte || $0.isBareMark }
    if isBare, !value.pieces.isEmpty { return "\(name)=\(value.written(escaped))" }
    return "\(name)=\"" + value.written { backslashed(escaped($0), ["\"", "\\"]) } + "\""
  }
}

extension UInt8 {
  /// What is never syntax in any value, beside letters, digits and `_`.
  fileprivate var isBareMark: Bool { "./:=@+-%".utf8.contains(self) }
}

private func backslashed(_ text: String, _ marks: [Unicode.Scalar]) -> String {
  var escaped = ""
  for scalar in text.unicodeScalars {
    if marks.contains(scalar) { escaped.append("\\") }
    escaped.unicodeScalars.append(scalar)
  }
  return escaped
}

/// With `%%` for a percent sign, and no character that ends a line or cannot be seen.
private func escaped(_ text: String) -> String {
  var escaped = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .format:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      escaped += "%(U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits))s"
    case _ where scalar == "%": escaped += "%%"
    case _: escaped.unicodeScalars.append(scalar)
    }
  }
  return escaped
}
