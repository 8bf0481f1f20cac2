import SupervConfig

/// A command line that fits the table.
struct Invocation: Sendable {
  var command: Command
  var operands: [String]
  /// The values of each option in the order given; a flag has empty ones.
  private(set) var values: [String: [String]] = [:]

  init(command: Command, operands: [String] = []) {
    self.command = command
    self.operands = operands
  }

  func has(_ option: String) -> Bool { values[option] != nil }

  /// The last one wins.
  func value(_ option: String) -> String? { values[option]?.last }

  mutating func add(_ option: String, _ value: String) { values[option, default: []].append(value) }
}

/// What is wrong with a command line, and what to do about it.
struct UsageError: Error, Hashable, Sendable {
  var message: String
  /// The command it was about, where that is known.
  var command: String?
}

/// What the words after `superv` ask for.
enum ParsedLine: Sendable {
  case run(Invocation)
  /// Help about a command, or about superv.
  case help(Command?)
  case version
}

/// Reads the words after `superv`. Options may stand before and after the command and between
/// operands; `--` ends them.
func parse(_ words: [String]) throws(UsageError) -> ParsedLine {
  var parser = Parser(words: words)
  return try parser.parse()
}

private struct Parser {
  private let words: [String]
  private var index = 0
  private var command: Command?
  private var operands: [String] = []
  private var options: [(option: Option, value: String)] = []
  private var wantsHelp = false
  private var wantsVersion = false

  init(words: [String]) { self.words = words }

  mutating func parse() throws(UsageError) -> ParsedLine {
    var takesOptions = true
    while index < words.count {
      let word = words[index]
      index += 1
      if takesOptions && word == "--" {
        takesOptions = false
      } else if takesOptions && word.hasPrefix("--") {
        try parseLong(word.dropFirst(2))
      } else if takesOptions && word.hasPrefix("-") && word != "-" {
        try parseLetters(word.dropFirst())
      } else if command == nil {
        command = try find(word)
      } else {
        operands.append(word)
      }
    }
    return try result()
  }

  private func result() throws(UsageError) -> ParsedLine {
    if wantsHelp { return .help(command) }
    if wantsVersion { return .version }
    guard let command else {
      throw UsageError(message: "no command given; superv help lists them")
    }
    var invocation = Invocation(command: command, operands: operands)
    for (option, value) in options {
      guard command.allOptions.contains(where: { $0.name == option.name }) else {
        throw unknownOption("--\(option.name)")
      }
      invocation.add(option.name, value)
    }
    try checkOperands(of: command)
    return .run(invocation)
  }

  private func find(_ name: String) throws(UsageError) -> Command {
    if let command = commandTable.first(where: { $0.name == name }) { return command }
    let known = nearestName(to: name, among: visibleCommands.map(\.name))
    let hint = known.map { "did you mean '\($0)'?" } ?? "superv help lists the commands"
    throw UsageError(message: "unknown command '\(name)'; \(hint)")
  }

  /// Before the command only what all commands share is known.
  private var knownOptions: [Option] { command?.allOptions ?? globalOptions(of: nil) }

  private mutating func parseLong(_ word: Substring) throws(UsageError) {
    let name = word.prefix { $0 != "=" }
    let attached = name.endIndex < word.endIndex ? String(word[name.endIndex...].dropFirst()) : nil
    if command == nil && name == "version" {
      wantsVersion = true
      return
    }
    guard let option = knownOptions.first(where: { $0.name == name }) else {
      throw unknownOption("--\(name)")
    }
    if option.valueName == nil && attached != nil {
      throw usage("option --\(name) takes no value")
    }
    try take(option, shown: "--\(name)", attached: attached)
  }

  private mutating func parseLetters(_ word: Substring) throws(UsageError) {
    var rest = word
    while let letter = rest.popFirst() {
      guard let option = knownOptions.first(where: { $0.letter == letter }) else {
        throw unknownOption("-\(letter)")
      }
      if option.valueName == nil {
        try take(option, shown: "-\(letter)", attached: nil)
      } else {
        return try take(option, shown: "-\(letter)", attached: rest.isEmpty ? nil : String(rest))
      }
    }
  }

  private mutating func take(
    _ option: Option, shown: String, attached: String?
  ) throws(UsageError) {
    if option.name == "help" {
      wantsHelp = true
      return
    }
    guard let valueName = option.valueName else {
      options.append((option, ""))
      return
    }
    let value: String
    if let attached {
      value = attached
    } else if index < words.count {
      value = words[index]
      index += 1
    } else {
      throw usage("option \(shown) needs a value: \(shown) \(valueName)")
    }
    try check(value, is: option.kind, of: "option \(shown)")
    options.append((option, value))
  }

  private func check(
    _ value: String, is kind: WordKind, of subject: String
  ) throws(UsageError) {
    guard case .choice(let choices) = kind, !choices.contains(value) else { return }
    let list = choices.joined(separator: ", ")
    throw usage("\(subject): '\(value)' is not one of \(list)")
  }

  private func checkOperands(of command: Command) throws(UsageError) {
    let required = command.operands.filter(\.isRequired)
    if operands.count < required.count {
      throw usage("\(required[operands.count].name) is missing: \(command.synopsis)")
    }
    let isOpen = command.operands.last?.isRepeated ?? false
    if operands.count > command.operands.count && !isOpen {
      throw usage("one word too many, '\(operands[command.operands.count])': \(command.synopsis)")
    }
    for (operand, value) in zip(command.operands, operands) {
      try check(value, is: operand.kind, of: operand.name)
    }
  }

  private func unknownOption(_ shown: String) -> UsageError {
    let names = knownOptions.map { "--\($0.name)" }
    let known = shown.hasPrefix("--") ? nearestName(to: shown, among: names) : nil
    let place = command.map { " of \($0.name)" } ?? ""
    let hint = known.map { "; did you mean \($0)?" } ?? ""
    return usage("unknown option \(shown)\(place)\(hint)")
  }

  private func usage(_ message: String) -> UsageError {
    UsageError(message: message, command: command?.name)
  }
}
