import SupervProtocol

/// The manual page superv(1), in the macros of man(7).
func manualPage() -> String {
  var page = """
    .TH SUPERV 1 "" "superv \(supervVersion)" "User Commands"
    .SH NAME
    superv \\- keep a tree of agents running
    .SH SYNOPSIS
    .B superv
    .I COMMAND
    .RI [ OPTION ]...
    .SH DESCRIPTION
    superv starts every agent of a configuration as a process of its own, restarts it by the rules \
    of a supervision tree, and knows whether it is alive and ready.
    .SH COMMANDS

    """
  for command in visibleCommands { page += section(of: command) }
  page += ".SH OPTIONS\nEvery command has these.\n"
  for option in globalOptions(of: nil) { page += entry(of: option) }
  page += ".SH EXIT STATUS\n"
  for (status, meaning) in commandStatuses(of: nil) {
    page += ".TP\n.B \(status.rawValue)\n\(escaped(meaning))\n"
  }
  page += ".SH ENVIRONMENT\n"
  for (name, meaning) in environmentVariables {
    page += ".TP\n.B \(name)\n\(escaped(meaning))\n"
  }
  page += ".SH FILES\n"
  for (path, meaning) in files { page += ".TP\n.I \(escaped(path))\n\(escaped(meaning))\n" }
  return page
}

private let environmentVariables = [
  ("SUPERV_CONTROL", "The control socket, where --socket is not given."),
  ("XDG_RUNTIME_DIR", "Where running daemons register themselves, in the folder superv."),
  ("NO_COLOR", "When it is set and not empty, nothing is written in color."),
]

private let files = [
  ("RUNTIME_DIR/control.sock", "The control socket."),
  ("RUNTIME_DIR/daemon.log", "What the daemon has to say outside of its event log."),
  ("LOG_DIR/NAME.log", "What an agent has written."),
  ("LOG_DIR/events.ndjson", "The event log, one event a line."),
  ("/tmp/superv-UID", "Where daemons register themselves without XDG_RUNTIME_DIR."),
]

private func section(of command: Command) -> String {
  var text = ".SS \(escaped(command.synopsis))\n\(escaped(command.summary)).\n"
  for paragraph in command.description { text += ".PP\n\(escaped(paragraph))\n" }
  for option in command.options { text += entry(of: option) }
  for status in CommandStatus.allCases {
    guard let meaning = command.statuses[status] else { continue }
    text += ".PP\nStatus \(status.rawValue): \(escaped(meaning)).\n"
  }
  for example in command.examples {
    text += ".PP\n\(escaped(example.explanation)):\n.PP\n.EX\n    \(escaped(example.line))\n.EE\n"
  }
  return text
}

private func entry(of option: Option) -> String {
  ".TP\n.B \(escaped(option.synopsis))\n\(escaped(option.fullSummary)).\n"
}

/// Text as troff takes it: backslashes and hyphens as themselves, and no request at the beginning
/// of a line (groff(7)).
private func escaped(_ text: String) -> String {
  var result = text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : ""
  for character in text {
    switch character {
    case "\\": result += "\\e"
    case "-": result += "\\-"
    case "~": result += "\\(ti"
    default: result.append(character)
    }
  }
  return result
}
