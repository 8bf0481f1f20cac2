// Help texts, made from the table.

private let textWidth = 80

/// What `superv help` shows.
func overviewText() -> String {
  let width = visibleCommands.map(\.name.count).max() ?? 0
  var text = "superv keeps a tree of agents running.\n\nUsage: superv COMMAND [OPTION]...\n\n"
  text += "Commands:\n"
  text += definitions(visibleCommands.map { ($0.name, $0.summary) }, width: width)
  text += "\nOptions of every command:\n"
  text += definitions(globalOptions(of: nil).map { ($0.helpName, $0.fullSummary) }, width: 20)
  text += "\nExit status:\n" + statusText(nil)
  return text + "\nsuperv help COMMAND says more about a command.\n"
}

/// What `superv COMMAND --help` shows.
func helpText(of command: Command) -> String {
  var text = "Usage: " + wrapped(command.synopsis, indent: 7).dropFirst(7) + "\n"
  text += wrapped("\(command.summary).") + "\n"
  for paragraph in command.description { text += wrapped(paragraph) + "\n" }
  if !command.options.isEmpty {
    text += "Options:\n"
    text += definitions(command.options.map { ($0.helpName, $0.fullSummary) }, width: 20) + "\n"
  }
  text += "Options of every command:\n"
  let global = globalOptions(of: command).map { ($0.helpName, $0.fullSummary) }
  text += definitions(global, width: 20) + "\n"
  text += "Exit status:\n" + statusText(command)
  guard !command.examples.isEmpty else { return text }
  text += "\nExamples:\n"
  for example in command.examples { text += "  \(example.line)\n      \(example.explanation)\n" }
  return text
}

extension Option {
  /// The synopsis, set in so that long names stand below each other.
  fileprivate var helpName: String { letter == nil ? "    \(synopsis)" : synopsis }
}

private func statusText(_ command: Command?) -> String {
  definitions(
    commandStatuses(of: command).map { (String($0.status.rawValue), $0.meaning) }, width: 1)
}

/// The exit statuses that a command can end with, and what they mean there.
func commandStatuses(of command: Command?) -> [(status: CommandStatus, meaning: String)] {
  CommandStatus.allCases.compactMap { status in
    switch status {
    case .unreachable, .timedOut:
      guard command == nil || command?.defaultTimeout != nil else { return nil }
    case .ok, .no, .usage: break
    }
    return (status, command?.statuses[status] ?? status.meaning)
  }
}

/// Names on the left, wrapped explanations on the right.
private func definitions(_ items: [(String, String)], width: Int) -> String {
  var text = ""
  for (name, explanation) in items {
    let indent = width + 4
    let lines = wrapped(explanation, indent: indent)
    if name.count <= width {
      let gap = String(repeating: " ", count: indent - 2 - name.count)
      text += "  \(name)\(gap)\(lines.dropFirst(indent))"
    } else {
      text += "  \(name)\n\(lines)"
    }
  }
  return text
}

/// The words in lines of at most 80 columns, each one set in; ends with a newline.
func wrapped(_ text: String, indent: Int = 0) -> String {
  let margin = String(repeating: " ", count: indent)
  var result = ""
  var line = margin
  for word in text.split(separator: " ") {
    if line.count > indent && line.count + 1 + word.count > textWidth {
      result += line + "\n"
      line = margin
    }
    line += line.count > indent ? " \(word)" : String(word)
  }
  return result + line + "\n"
}
