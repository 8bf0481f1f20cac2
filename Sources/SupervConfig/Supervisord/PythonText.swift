// Text as Python sees it, for supervisord's files: what counts as white space, and as a number.

/// Why a value of a supervisord configuration cannot be used, for people.
struct ValueProblem: Error, Hashable {
  var message: String
  var hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension Unicode.Scalar {
  /// `str.isspace()`.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }
}

extension StringProtocol {
  /// `str.strip()`.
  var pythonTrimmed: String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return "" }
    return String(String.UnicodeScalarView(scalars[first...last]))
  }

  /// `str.split()`: at white space, without empty parts.
  var pythonWords: [String] {
    unicodeScalars.split(whereSeparator: \.isPythonSpace).map {
      String(String.UnicodeScalarView($0))
    }
  }

  /// `str.split(separator)`: empty parts included.
  func pythonParts(at separator: Unicode.Scalar) -> [String] {
    unicodeScalars.split(separator: separator, omittingEmptySubsequences: false).map {
      String(String.UnicodeScalarView($0))
    }
  }
}

/// `int(text, base)`: white space around it, a sign, `_` between digits; nil: it is none, or more
/// than 64 bits hold.
func pythonInteger(_ text: some StringProtocol, base: Int = 10) -> Int? {
  var digits = Substring(text.pythonTrimmed)
  let isNegative = digits.first == "-"
  if let first = digits.first, first == "-" || first == "+" { digits.removeFirst() }
  if base == 8, digits.lowercased().hasPrefix("0o") {
    digits.removeFirst(2)
    if digits.first == "_" { digits.removeFirst() }
  }
  guard let first = digits.first, first != "_", digits.last != "_", !digits.contains("__"),
    let number = Int((isNegative ? "-" : "") + digits.filter { $0 != "_" }, radix: base),
    digits.first != "-", digits.first != "+"
  else { return nil }
  return number
}

/// `repr(text)`, or `ascii(text)`.
func pythonRepresentation(_ text: String, asASCII: Bool = false) -> String {
  let scalars = text.unicodeScalars
  let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
  var shown = String(quote)
  for scalar in scalars {
    switch scalar {
    case quote, "\\": shown += "\\\(scalar)"
    case "\n": shown += "\\n"
    case "\r": shown += "\\r"
    case "\t": shown += "\\t"
    case _ where scalar.isPrintableInPython && (scalar.isASCII || !asASCII):
      shown.unicodeScalars.append(scalar)
    default: shown += escape(scalar)
    }
  }
  return shown + String(quote)
}

private func escape(_ scalar: Unicode.Scalar) -> String {
  let (mark, width) =
    scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
  let digits = String(scalar.value, radix: 16)
  return "\\\(mark)" + String(repeating: "0", count: width - digits.utf8.count) + digits
}

extension Unicode.Scalar {
  fileprivate var isPrintableInPython: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: self == " "
    default: true
    }
  }
}
