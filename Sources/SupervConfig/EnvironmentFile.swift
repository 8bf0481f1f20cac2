/// What an environment file says, and what was wrong with it.
package struct EnvironmentFile: Sendable {
  /// In file order; a name that is set again has its last value, at its first position.
  package var variables: [EnvironmentVariable] = []
  /// Errors only; the lines they are about set nothing.
  package var diagnostics: [Diagnostic] = []
}

/// Reads an environment file: `NAME=value` lines, optionally after `export `, with blank lines and
/// lines that start with `#` between them.
///
/// A value in single quotes is taken as it is; in double quotes `\"`, `\\`, `\$`, `` \` `` stand
/// for the second character and `\n` for a line feed. Without quotes it ends at the end of the line
/// or before ` #`. Nothing is expanded, and no value goes over several lines.
///
/// - Parameter path: how diagnostics name the file.
package func parseEnvironmentFile(_ bytes: [UInt8], path: String) -> EnvironmentFile {
  var file = EnvironmentFile()
  var indexes: [String: Int] = [:]
  for var line in Lines(bytes) {
    if line.number == 1, line.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      line.bytes = line.bytes.dropFirst(3)
    }
    switch EnvironmentLine(line).read() {
    case .nothing: break
    case .variable(let variable):
      if let index = indexes[variable.name] {
        file.variables[index] = variable
      } else {
        indexes[variable.name] = file.variables.count
        file.variables.append(variable)
      }
    case .problem(let message, let hint, let rest):
      // The line itself is not shown: these files hold secrets.
      file.diagnostics.append(
        Diagnostic(
          .error, file: path, line: line.number, column: line.segment(rest).column, message,
          hint: hint))
    }
  }
  return file
}

private struct EnvironmentLine {
  enum Outcome {
    case nothing
    case variable(EnvironmentVariable)
    case problem(String, hint: String?, at: ArraySlice<UInt8>)
  }

  let line: Line

  init(_ line: Line) { self.line = line }

  func read() -> Outcome {
    var content = line.bytes.trimmed
    guard let first = content.first, first != UInt8(ascii: "#") else { return .nothing }
    if let index = line.bytes.firstInvalidUTF8 {
      return .problem("this is not UTF-8", hint: nil, at: line.bytes[index...])
    }
    if let index = line.bytes.firstIndex(of: 0) {
      return .problem("a NUL byte", hint: nil, at: line.bytes[index...])
    }
    let export = Array("export".utf8)
    if content.starts(with: export), content.dropFirst(export.count).first?.isSpace == true {
      content = content.dropFirst(export.count).trimmed
    }
    guard let equals = content.firstIndex(of: UInt8(ascii: "=")) else {
      return .problem("this line has no `=`", hint: "write NAME=value", at: content)
    }
    let name = String(decoding: content[..<equals], as: UTF8.self)
    guard name.isEnvironmentName else {
      return .problem(
        "what is before the `=` is no name for a variable",
        hint: "letters, digits and `_`, and no space before the `=`", at: content)
    }
    if name.isReservedVariable {
      return .problem("\(name) is set by superv itself", hint: "choose another name", at: content)
    }
    return readValue(of: name, content[(equals + 1)...])
  }

  private func readValue(of name: String, _ text: ArraySlice<UInt8>) -> Outcome {
    let text = text.trimmed
    guard let quote = text.first, quote == doubleQuote || quote == singleQuote else {
      return .variable(EnvironmentVariable(name: name, value: unquoted(text)))
    }
    var bytes: [UInt8] = []
    var index = text.startIndex + 1
    while index < text.endIndex, text[index] != quote {
      if quote == doubleQuote, text[index] == backslash, index + 1 < text.endIndex {
        switch text[index + 1] {
        case UInt8(ascii: "n"): bytes.append(lineFeed)
        case doubleQuote, backslash, UInt8(ascii: "$"), UInt8(ascii: "`"):
          bytes.append(text[index + 1])
        default: bytes += text[index...(index + 1)]
        }
        index += 2
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    guard index < text.endIndex else {
      return .problem(
        "this quotation mark has no partner", hint: "a value ends on its line", at: text)
    }
    let rest = text[(index + 1)...].trimmed
    guard rest.isEmpty || rest.first == UInt8(ascii: "#") else {
      return .problem("text after the closing quotation mark", hint: nil, at: rest)
    }
    let value = String(decoding: bytes, as: UTF8.self)
    return .variable(EnvironmentVariable(name: name, value: value))
  }

  private func unquoted(_ text: ArraySlice<UInt8>) -> String {
    let comment = text.indices.first { index in
      text[index] == UInt8(ascii: "#") && (index == text.startIndex || text[index - 1].isSpace)
    }
    return String(decoding: text[..<(comment ?? text.endIndex)].trimmed, as: UTF8.self)
  }
}
