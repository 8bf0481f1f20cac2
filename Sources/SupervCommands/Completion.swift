// Completion scripts, made from the table. Names of agents come from the daemon that runs, asked
// with a short deadline.

/// - Parameter shell: `bash`, `zsh` or `fish`.
func completionScript(for shell: String) -> String {
  switch shell {
  case "bash": bashScript()
  case "zsh": zshScript()
  default: fishScript()
  }
}

/// Prints the names, one a line; nothing when no daemon answers.
private let namesCommand = "superv names 2>/dev/null"

private func bashScript() -> String {
  var script = """
    # bash completion for superv; made by: superv completion bash
    # The names of instances have a colon, at which bash would break words.
    COMP_WORDBREAKS=${COMP_WORDBREAKS//:}
    _superv_names() { \(namesCommand); }
    _superv() {
      local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= index
      for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
          --socket|--timeout) ((index++)) ;;
          -*) ;;
          *) command=${COMP_WORDS[index]}; break ;;
        esac
      done
      COMPREPLY=()
      case $command:$before in

    """
  func reply(_ words: String) -> String { "COMPREPLY=($(compgen -W \"\(words)\" -- \"$word\"))" }
  func values(_ kind: WordKind) -> String? {
    switch kind {
    case .file: "COMPREPLY=($(compgen -f -- \"$word\"))"
    case .name: reply("$(_superv_names)")
    case .command: reply(visibleCommands.map(\.name).joined(separator: " "))
    case .choice(let words), .suggestion(let words): reply(words.joined(separator: " "))
    case .other: nil
    }
  }
  for option in globalOptions(of: nil) where option.valueName != nil {
    script += "    *:--\(option.name)) \(values(option.kind) ?? ":"); return ;;\n"
  }
  for command in visibleCommands {
    for option in command.options where option.valueName != nil {
      let words = [option.letter.map { "-\($0)" }, "--\(option.name)"].compactMap { $0 }
      let patterns = words.map { "\(command.name):\($0)" }.joined(separator: "|")
      script += "    \(patterns)) \(values(option.kind) ?? ":"); return ;;\n"
    }
  }
  script += "  esac\n  case $command:$word in\n"
  let common = globalOptions(of: nil).map { "--\($0.name)" }.joined(separator: " ")
  let commands = visibleCommands.map(\.name).joined(separator: " ")
  script += "    :-*) \(reply("\(common) --version")) ;;\n    :*) \(reply(commands)) ;;\n"
  for command in visibleCommands {
    let options = command.allOptions.map { "--\($0.name)" }.joined(separator: " ")
    script += "    \(command.name):-*) \(reply(options)) ;;\n"
    guard let first = command.operands.first, let last = command.operands.last else { continue }
    if first != last, let words = values(first.kind), let rest = values(last.kind) {
      script += "    \(command.name):*) if [[ $before == \(command.name) ]]; then \(words)\n"
      script += "      else \(rest); fi ;;\n"
    } else if let words = values(first.kind) {
      script += "    \(command.name):*) \(words) ;;\n"
    }
  }
  return script + "  esac\n}\ncomplete -o filenames -F _superv superv\n"
}

private func zshScript() -> String {
  func quoted(_ text: String) -> String { text.replacing("'", with: #"'\''"#) }
  func described(_ text: String) -> String {
    quoted(text.replacing("[", with: #"\["#).replacing("]", with: #"\]"#))
  }
  func action(_ kind: WordKind) -> String {
    switch kind {
    case .file: "_files"
    case .name: "_superv_names"
    case .command: "_superv_commands"
    case .choice(let words), .suggestion(let words): "(\(words.joined(separator: " ")))"
    case .other: " "
    }
  }
  func specification(_ option: Option) -> [String] {
    let value = option.valueName.map { ":\($0):\(action(option.kind))" } ?? ""
    let words = ["--\(option.name)"] + (option.letter.map { ["-\($0)"] } ?? [])
    return words.map { "'\($0)[\(described(option.summary))]\(value)'" }
  }
  var script = """
    #compdef superv
    # zsh completion for superv; made by: superv completion zsh
    _superv_names() {
      local -a names
      names=(${(f)"$(\(namesCommand))"})
      compadd -a names
    }
    _superv_commands() {
      local -a commands
      commands=(

    """
  for command in visibleCommands {
    script += "    '\(command.name):\(quoted(command.summary))'\n"
  }
  script += "  )\n  _describe command commands\n}\n_superv() {\n"
  script += "  local context state line\n  _arguments -C \\\n"
  for word in globalOptions(of: nil).flatMap(specification) { script += "    \(word) \\\n" }
  script += "    '--version[Show the version]' '1:command:_superv_commands' '*::word:->words'\n"
  script += "  [[ $state == words ]] || return\n  case $line[1] in\n"
  for command in visibleCommands {
    script += "    \(command.name)) _arguments"
    for word in command.allOptions.flatMap(specification) { script += " \\\n      \(word)" }
    for (index, operand) in command.operands.enumerated() {
      let place = operand.isRepeated ? "*" : "\(index + 1)"
      script += " \\\n      '\(place):\(operand.name):\(action(operand.kind))'"
    }
    script += " ;;\n"
  }
  return script + "  esac\n}\n_superv \"$@\"\n"
}

private func fishScript() -> String {
  func quoted(_ text: String) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }
  func values(_ kind: WordKind) -> String {
    switch kind {
    case .file: " -F"
    case .name: " -a '(__superv_names)'"
    case .command: " -a \(quoted(visibleCommands.map(\.name).joined(separator: " ")))"
    case .choice(let words), .suggestion(let words): " -a \(quoted(words.joined(separator: " ")))"
    case .other: ""
    }
  }
  func line(_ option: Option) -> String {
    var words = "-l \(option.name)"
    if let letter = option.letter { words += " -s \(letter)" }
    if option.valueName != nil { words += " -x" + values(option.kind) }
    return words + " -d \(quoted(option.summary))\n"
  }
  var script = """
    # fish completion for superv; made by: superv completion fish
    function __superv_names
      \(namesCommand)
    end
    complete -c superv -f

    """
  for option in globalOptions(of: nil) { script += "complete -c superv \(line(option))" }
  script += "complete -c superv -l version -d 'Show the version'\n"
  for command in visibleCommands {
    script += "complete -c superv -n __fish_use_subcommand -a \(command.name)"
    script += " -d \(quoted(command.summary))\n"
    let condition = "-n '__fish_seen_subcommand_from \(command.name)'"
    for option in command.options { script += "complete -c superv \(condition) \(line(option))" }
    for kind in Set(command.operands.map(\.kind)).sorted(by: { "\($0)" < "\($1)" }) {
      let words = values(kind)
      if !words.isEmpty { script += "complete -c superv \(condition)\(words)\n" }
    }
  }
  return script
}
