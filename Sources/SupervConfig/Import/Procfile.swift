// Procfiles: `name: command` on every line, as Heroku and foreman run them.

struct ProcfileEntry {
  var name: String
  var command: String
}

/// The name and the command of a line; nil: it has none.
func procfileParts(_ line: String) -> (name: String, command: String)? {
  guard let colon = line.firstIndex(of: ":") else { return nil }
  let name = line[..<colon]
  let command = Array(line[colon...].dropFirst().utf8)[...].trimmed
  let isName = name.utf8.allSatisfy { $0 < 0x80 && $0.isWordByte || $0 == UInt8(ascii: "-") }
  guard isName, !name.isEmpty, !command.isEmpty else { return nil }
  return (String(name), String(decoding: command, as: UTF8.self))
}

extension Reading {
  /// The entries of a Procfile; complains about the lines that are none.
  mutating func procfile(_ path: String) -> [ProcfileEntry] {
    files = [File(path: path, shownPath: shown(path), bytes: [])]
    var place = Place(file: 0, line: 1, column: 1)
    do throws(SourceError) {
      files[0].bytes = try source.readFile(path, limit: maximumFileBytes)
    } catch {
      self.error(place, "cannot read \(quoted(shown(path))): \(error.reason)")
    }
    var entries: [ProcfileEntry] = []
    for line in Lines(files[0].bytes) {
      place.line = line.number
      let text = String(decoding: line.bytes.trimmed, as: UTF8.self)
      guard !text.isEmpty, !text.hasPrefix("#") else { continue }
      if let (name, command) = procfileParts(text), line.bytes.firstInvalidUTF8 == nil {
        if entries.contains(where: { $0.name == name }) {
          error(place, "\(quoted(name)) is there twice", hint: "rename one of them")
        }
        entries.append(ProcfileEntry(name: name, command: command))
      } else {
        error(place, "this line is no `name: command`", hint: "such as `web: python3 serve.py`")
      }
    }
    if entries.isEmpty, !hasErrors {
      error(Place(file: 0, line: 1, column: 1), "no line is a `name: command`")
    }
    return entries
  }
}

/// The same processes in superv's own dialect.
func imported(
  fromProcfile entries: [ProcfileEntry], _ path: String, _ source: some ConfigurationSource
) -> ImportedConfiguration {
  let folder = parentFolder(of: path)
  let dotEnv = "\(folder == "/" ? "" : folder)/.env"
  let variables = source.kindOfFile(dotEnv) == .file ? readable(dotEnv, source) : nil
  let firstPort = variables?.last { $0.name == "PORT" }.flatMap { Int($0.value) } ?? 5000
  var file = ConfigurationText()
  file.comment("Made by superv import from \(quotedWhole(path)), a Procfile.")
  file.comment("What changed:")
  file.comment(
    "A process that ends is started again (restart = permanent), five times in a minute; foreman "
      + "would stop all the others as well. A release process is not started again.", isItem: true)
  file.comment(
    "Output goes to a file for each agent: superv logs -f shows all of them, superv run as well.",
    isItem: true)
  file.comment("What to consider:")
  file.comment(
    "A readiness probe such as `readiness = http:5000/`, and `needs = NAME:ready` for those that "
      + "wait for it: all start at the same time.", isItem: true)
  file.comment(
    "`numprocs` for more processes of a kind; `%(instance)d` is then the number of each.",
    isItem: true)
  if source.kindOfFile(dotEnv) == .file, variables == nil {
    file.comment(
      ".env is not read: it says more than NAME=value. Put it right, and add `env_file = .env`.",
      isItem: true)
  }
  file.blank()
  file.header("superv")
  file.key("pass_environment", "*")
  if source.kindOfFile(folder) != .folder { file.key("no_warning_of", "missing_paths") }
  var result = ImportedConfiguration(text: "")
  var names = ImportedNames()
  for (index, entry) in entries.enumerated() {
    let name = names.name(for: entry.name, instances: 1)
    file.blank()
    if name != entry.name { file.comment("It was called \(quotedWhole(entry.name)).") }
    file.header("agent:\(name)")
    file.command(procfileWords(entry.command).map { InstanceText($0) })
    file.key("directory", plainValue(InstanceText(folder)))
    if variables != nil { file.key("env_file", plainValue(InstanceText(dotEnv))) }
    file.environment([("PORT", InstanceText(String(firstPort + 100 * index)))])
    if entry.name == "release" {
      file.comment("It is to be done before the others: `needs = \(name):done` has them wait.")
      file.key("restart", "temporary")
    }
    result.processes.append(.init(name: entry.name, agent: name))
  }
  result.text = file.text
  return result
}

/// The variables of a file, where superv reads it without complaint.
private func readable(
  _ path: String, _ source: some ConfigurationSource
) -> [EnvironmentVariable]? {
  guard let bytes = try? source.readFile(path, limit: maximumFileBytes) else { return nil }
  let file = parseEnvironmentFile(bytes, path: path)
  return file.diagnostics.isEmpty ? file.variables : nil
}

/// The words of a command that needs no shell, else a shell with it.
private func procfileWords(_ command: String) -> [String] {
  let isPlain = command.utf8.allSatisfy {
    $0.isWordByte || $0 == 0x20 || "./:=@+-,%".utf8.contains($0)
  }
  let words = command.split(separator: " ").map(String.init)
  if isPlain, words[0].utf8.contains(UInt8(ascii: "=")) == false { return words }
  // One simple command may as well be the process itself.
  let isSimple = !command.utf8.contains { ";&|(){}`\n".utf8.contains($0) }
  let isCommand = !words[0].contains("=") && words[0].contains { $0.isLetter }
  let isBuiltIn = ["exec", "cd", "if", "while", "for", "case", "until", "source", "eval"]
    .contains(words[0])
  return ["sh", "-c", isSimple && isCommand && !isBuiltIn ? "exec \(command)" : command]
}
