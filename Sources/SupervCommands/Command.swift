// The vocabulary of the command line. Parsing, help, the man page and shell completion are all
// derived from values of these types, so that none of them can know a command that another does
// not.

/// What a word on the command line stands for; completion offers what fits.
enum WordKind: Hashable, Sendable {
  case file
  /// An agent, an instance or a supervisor.
  case name
  case command
  /// One of these.
  case choice([String])
  /// Anything; these are common.
  case suggestion([String])
  case other
}

/// A word of a command that is no option.
struct Operand: Hashable, Sendable {
  /// In capitals, as shown in the synopsis.
  var name: String
  var kind: WordKind
  var isRequired = true
  /// The last operand of a command may be given several times.
  var isRepeated = false

  /// For example `NAME...` or `[FILE]`.
  var synopsis: String {
    let word = isRepeated ? "\(name)..." : name
    return isRequired ? word : "[\(word)]"
  }
}

struct Option: Hashable, Sendable {
  /// Without the dashes.
  var name: String
  var letter: Character?
  /// In capitals; nil for a flag.
  var valueName: String?
  var kind = WordKind.other
  /// What holds without the option, as the help text says it; nil when that is obvious.
  var defaultText: String?
  var summary: String

  /// For example `-n, --lines N`.
  var synopsis: String {
    let long = valueName.map { "--\(name) \($0)" } ?? "--\(name)"
    return letter.map { "-\($0), \(long)" } ?? long
  }

  /// The summary with the default.
  var fullSummary: String { defaultText.map { "\(summary) (default: \($0))" } ?? summary }
}

/// A line to copy, and what it does.
struct Example: Hashable, Sendable {
  var line: String
  var explanation: String
}

/// How a process ends, for whoever called it.
package enum CommandStatus: Int32, CaseIterable, Sendable {
  case ok = 0
  case no = 1
  case usage = 2
  case unreachable = 3
  case timedOut = 4

  /// What it means unless a command says it more precisely.
  var meaning: String {
    switch self {
    case .ok: "done; the answer is yes"
    case .no: "the answer is no, or it could not be done"
    case .usage: "the command line is wrong"
    case .unreachable: "no daemon can be reached"
    case .timedOut: "the time was up before there was an answer"
    }
  }
}

/// One command: what it is called, what it takes, what it means, and what runs it.
struct Command: Sendable {
  var name: String
  var summary: String
  var operands: [Operand] = []
  /// Beside those that every command has.
  var options: [Option] = []
  /// Nil for a command that waits for nobody.
  var defaultTimeout: Duration?
  /// Paragraphs of the long help text and the man page.
  var description: [String]
  var examples: [Example] = []
  /// Where a status means something more precise than usual.
  var statuses: [CommandStatus: String] = [:]
  /// Roles that superv starts itself in; no help shows them.
  var isHidden = false
  var run: @Sendable (Invocation, Session) throws(CommandFailure) -> CommandStatus

  /// For example `superv status [NAME] [--wait WHAT]`.
  var synopsis: String {
    let words = ["superv", name] + operands.map(\.synopsis)
    return (words + options.map { "[\($0.shortSynopsis)]" }).joined(separator: " ")
  }

  /// Its own options and those of every command.
  var allOptions: [Option] { options + (isHidden ? [] : globalOptions(of: self)) }
}

extension Option {
  fileprivate var shortSynopsis: String {
    let word = letter.map { "-\($0)" } ?? "--\(name)"
    return valueName.map { "\(word) \($0)" } ?? word
  }
}

/// The options that every command has.
func globalOptions(of command: Command?) -> [Option] {
  var timeout = Option(
    name: "timeout", valueName: "DURATION",
    summary: "Give up after this long, with status 4; 0 waits for ever")
  if let command { timeout.defaultText = command.defaultTimeout.map(durationText) ?? "0" }
  return [
    Option(name: "json", summary: "Write JSON for programs instead of text for people"),
    Option(
      name: "socket", valueName: "PATH", kind: .file,
      defaultText: "$SUPERV_CONTROL, else the one daemon that runs",
      summary: "The control socket of the daemon"),
    timeout,
    Option(
      name: "no-color", defaultText: "colors on a terminal, unless NO_COLOR is set",
      summary: "Write no colors"),
    Option(name: "help", letter: "h", summary: "Show the help text of the command"),
  ]
}
