// `text % names` of Python, by which supervisord expands values.

/// What a name stands for.
enum ExpansionValue: Hashable, Sendable {
  case text(String)
  case number(Int)

  /// `str(value)`.
  var description: String {
    switch self {
    case .text(let text): text
    case .number(let number): String(number)
    }
  }

  func representation(asASCII: Bool) -> String {
    switch self {
    case .text(let text): pythonRepresentation(text, asASCII: asASCII)
    case .number(let number): String(number)
    }
  }
}

/// Names and what they stand for, in the order in which they were added, as in a dictionary of
/// Python's.
struct Expansions: Sendable {
  private(set) var names: [String] = []
  private var values: [String: ExpansionValue] = [:]

  init(_ values: [(String, ExpansionValue)] = []) {
    for (name, value) in values { self[name] = value }
  }

  /// A name that is set again keeps its place.
  subscript(name: String) -> ExpansionValue? {
    get { values[name] }
    set {
      if values.updateValue(newValue ?? .text(""), forKey: name) == nil { names.append(name) }
    }
  }

  /// `newer` is stronger.
  func updated(with newer: Expansions) -> Expansions {
    var all = self
    for name in newer.names { all[name] = newer[name] }
    return all
  }

  fileprivate func representation(asASCII: Bool) -> String {
    let members = names.map { name in
      let value = values[name]?.representation(asASCII: asASCII) ?? ""
      return "\(pythonRepresentation(name, asASCII: asASCII)): \(value)"
    }
    return "{\(members.joined(separator: ", "))}"
  }
}

/// Expands `%(name)s` and its kin, and `%%`.
///
/// - Throws: `ValueProblem` where Python raises an exception.
func expand(_ text: String, by names: Expansions) throws(ValueProblem) -> String {
  guard text.unicodeScalars.contains("%") else { return text }
  var formatter = PercentFormatter(text, names)
  return try formatter.formatted()
}

private struct PercentFormatter {
  /// What a conversion takes: all the names at once until one of them is named.
  enum Argument {
    case all
    case one(ExpansionValue)
  }

  /// One `%…`.
  struct Directive {
    var isLeftAligned = false
    var sign = ""
    var isAlternate = false
    var isZeroPadded = false
    var width = 0
    var precision: Int?
    var conversion: Unicode.Scalar = "s"
  }

  /// Who asks for more than this has made a mistake, or means harm.
  private static let maximumWidth = 4096

  private let scalars: [Unicode.Scalar]
  private let names: Expansions
  private var index = 0
  private var argument = Argument.all
  private var isTaken = false

  init(_ text: String, _ names: Expansions) {
    scalars = Array(text.unicodeScalars)
    self.names = names
  }

  mutating func formatted() throws(ValueProblem) -> String {
    var result = String.UnicodeScalarView()
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      if scalar == "%" {
        result.append(contentsOf: try directive().unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  private func peek() throws(ValueProblem) -> Unicode.Scalar {
    guard index < scalars.count else {
      throw ValueProblem("the value ends within an expansion", hint: hintAboutPercent)
    }
    return scalars[index]
  }

  private mutating func directive() throws(ValueProblem) -> String {
    if try peek() == "(" { try takeName() }
    var directive = Directive()
    flags: while true {
      switch try peek() {
      case "-": directive.isLeftAligned = true
      case "+": directive.sign = "+"
      case " ": if directive.sign.isEmpty { directive.sign = " " }
      case "#": directive.isAlternate = true
      case "0": directive.isZeroPadded = true
      default: break flags
      }
      index += 1
    }
    directive.width = try number()
    if try peek() == "." {
      index += 1
      directive.precision = try number()
    }
    if ["h", "l", "L"].contains(try peek()) { index += 1 }
    directive.conversion = try peek()
    index += 1
    if directive.conversion == "%" { return "%" }
    return pad(try converted(directive), directive)
  }

  /// `(name)`, in which parentheses may be nested.
  private mutating func takeName() throws(ValueProblem) {
    var depth = 1
    let start = index + 1
    while depth > 0 {
      index += 1
      switch try peek() {
      case "(": depth += 1
      case ")": depth -= 1
      default: break
      }
    }
    let name = String(String.UnicodeScalarView(scalars[start..<index]))
    index += 1
    guard let value = names[name] else {
      let known = names.names.filter { !$0.hasPrefix("ENV_") } + ["ENV_NAME"]
      throw ValueProblem(
        name.hasPrefix("ENV_")
          ? "the environment has no variable \(quoted(String(name.dropFirst(4))))"
          : "nothing is called \(quoted(name)) here",
        hint: name.hasPrefix("ENV_")
          ? "set it where superv is started" : "known here: \(known.joined(separator: ", "))")
    }
    argument = .one(value)
    isTaken = false
  }

  private mutating func number() throws(ValueProblem) -> Int {
    var number = 0
    while let digit = try peek().properties.numericType == .decimal ? digit(try peek()) : nil {
      number = number * 10 + digit
      guard number <= Self.maximumWidth else { throw ValueProblem("a width is too large") }
      index += 1
    }
    return number
  }

  private func digit(_ scalar: Unicode.Scalar) -> Int? {
    ("0"..."9").contains(scalar) ? Int(scalar.value - 0x30) : nil
  }

  private mutating func converted(_ directive: Directive) throws(ValueProblem) -> String {
    let known = "diuoxXeEfFgGcrsa"
    guard known.unicodeScalars.contains(directive.conversion) else {
      throw ValueProblem(
        "\(quoted("%\(directive.conversion)")) is no expansion", hint: hintAboutPercent)
    }
    guard !isTaken else {
      throw ValueProblem("`%` stands for nothing a second time", hint: hintAboutPercent)
    }
    isTaken = true
    let text: String
    switch (directive.conversion, argument) {
    case ("s", .all), ("r", .all): text = names.representation(asASCII: false)
    case ("a", .all): text = names.representation(asASCII: true)
    case ("s", .one(let value)): text = value.description
    case ("r", .one(let value)): text = value.representation(asASCII: false)
    case ("a", .one(let value)): text = value.representation(asASCII: true)
    case ("c", .one(.text(let text))) where text.unicodeScalars.count == 1: return text
    case ("c", .one(.number(let number))):
      guard let scalar = UInt32(exactly: number).flatMap(Unicode.Scalar.init) else { fallthrough }
      return String(scalar)
    case (_, .one(.number(let number))) where directive.conversion != "c":
      return try digits(of: number, directive)
    default:
      throw ValueProblem(
        "\(quoted("%\(directive.conversion)")) is for numbers",
        hint: "write `s` for text, or `%%` for a percent sign")
    }
    guard let precision = directive.precision else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(precision)))
  }

  private func digits(
    of number: Int, _ directive: Directive
  ) throws(ValueProblem) -> String {
    let sign = number < 0 ? "-" : directive.sign
    let magnitude = number.magnitude
    var prefix = ""
    var digits: String
    switch directive.conversion {
    case "o":
      digits = String(magnitude, radix: 8)
      if directive.isAlternate { prefix = "0o" }
    case "x", "X":
      digits = String(magnitude, radix: 16, uppercase: directive.conversion == "X")
      if directive.isAlternate { prefix = directive.conversion == "X" ? "0X" : "0x" }
    case "f", "F":
      let places = directive.precision ?? 6
      let point = places > 0 || directive.isAlternate ? "." : ""
      digits = String(magnitude) + point + String(repeating: "0", count: places)
    case "d", "i", "u": digits = String(magnitude)
    default:
      throw ValueProblem(
        "\(quoted("%\(directive.conversion)")) is not supported", hint: "write `d` for a number")
    }
    if !["f", "F"].contains(directive.conversion), let precision = directive.precision {
      digits = zeros(precision - digits.utf8.count) + digits
    }
    if directive.isZeroPadded, !directive.isLeftAligned {
      let length = sign.utf8.count + prefix.utf8.count + digits.utf8.count
      digits = zeros(directive.width - length) + digits
    }
    return sign + prefix + digits
  }

  private func zeros(_ count: Int) -> String { String(repeating: "0", count: max(0, count)) }

  private func pad(_ text: String, _ directive: Directive) -> String {
    let spaces = String(
      repeating: " ", count: max(0, directive.width - text.unicodeScalars.count))
    return directive.isLeftAligned ? text + spaces : spaces + text
  }
}

private let hintAboutPercent = "write `%%` for a percent sign"
