import SupervConfig
import SupervProtocol
import SupervSystem

/// The answer of `superv import --json`.
private struct ImportReport: Encodable {
  struct Process: Encodable {
    var name: String
    var agent: String
  }

  struct Omission: Encodable {
    var name: String
    var reason: String
  }

  var from: String
  var files: [String]
  /// The file that was made.
  var text: String
  var processes: [Process]
  var omitted: [Omission]
  var diagnostics: [DiagnosticReport]

  init(_ loaded: LoadedImport, _ imported: ImportedConfiguration) {
    from = loaded.dialect.rawValue
    files = loaded.files
    text = imported.text
    processes = imported.processes.map { Process(name: $0.name, agent: $0.agent) }
    omitted = imported.omissions.map { Omission(name: $0.name, reason: $0.reason) }
    diagnostics = loaded.diagnostics.map(DiagnosticReport.init)
  }
}

let importCommand = Command(
  name: "import", summary: "Make a configuration of supervisord's or a Procfile superv's own",
  operands: [Operand(name: "FILE", kind: .file)],
  options: [
    Option(
      name: "output", letter: "o", valueName: "OUT", kind: .file, defaultText: "standard output",
      summary: "The file to write; it must not be there"),
    Option(name: "force", summary: "Replace OUT where it is there"),
    Option(
      name: "from", valueName: "KIND", kind: .choice(ImportedDialect.allCases.map(\.rawValue)),
      defaultText: "what FILE looks like", summary: "What FILE is"),
  ],
  description: [
    "Writes the tree of FILE, and of what it includes, in superv's own dialect: the same "
      + "processes with the same arguments, environment and rules. Comments say what has changed "
      + "and what superv can do that FILE could not say.",
    "superv runs configurations of supervisord's as they are, too: nothing has to be imported. "
      + "What stands in FILE for the environment, %(ENV_X)s, is filled in.",
  ],
  examples: [
    Example(
      line: "superv import /etc/supervisord.conf -o supervisor.conf",
      explanation: "then superv check supervisor.conf, and read it"),
    Example(line: "superv import Procfile", explanation: "look at it first"),
  ],
  statuses: [
    .ok: "it is written", .no: "FILE has errors, or OUT is there already",
  ],
  run: runImport)

@Sendable private func runImport(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let path = invocation.operands[0]
  let loaded = loadImport(
    try session.absolutePath(path), as: invocation.value("from").flatMap(ImportedDialect.init),
    from: session.configurationSource, shownFrom: try? Surroundings.currentDirectory())
  for diagnostic in loaded.diagnostics {
    session.console.complain(
      unprefixed: diagnostic.rendered(color: session.console.style.usesColor))
  }
  guard let imported = loaded.imported else {
    throw .no("\(path) cannot be imported; nothing was written")
  }
  if let out = invocation.value("output") {
    let mode = (try? Files.status(of: try session.absolutePath(path)))?.mode ?? 0o600
    try write(imported.text, to: out, mode: mode & 0o666, replaces: invocation.has("force"))
  }
  if invocation.has("json") {
    session.console.write(json: ImportReport(loaded, imported))
  } else if invocation.value("output") == nil {
    session.console.write(imported.text)
  }
  for omission in imported.omissions {
    session.console.complain("\(omission.name) is left out: \(omission.reason)")
  }
  return .ok
}

/// - Parameter mode: that of what was imported: passwords are as secret here as there.
private func write(
  _ text: String, to path: String, mode: UInt32, replaces: Bool
) throws(CommandFailure) {
  let bytes = Array(text.utf8)
  do {
    if replaces {
      try Files.replace(path, with: bytes.span, mode: mode)
    } else {
      let file = try Files.open(path, [.writeOnly, .create, .exclusive], mode: mode)
      try file.writeAll(bytes.span)
    }
  } catch {
    guard !error.isInTheWay else { throw .no("\(path) is there already; --force replaces it") }
    throw .system(error)
  }
}
