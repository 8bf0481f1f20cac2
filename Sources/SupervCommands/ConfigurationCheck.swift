import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem

/// The answer of `superv check --json`.
struct CheckReport: Encodable, Hashable, Sendable {
  var valid: Bool
  /// Every file that was read, absolute.
  var files: [String]
  /// Instances; 0 when the file is not valid.
  var agents: Int
  var diagnostics: [DiagnosticReport]

  init(_ loaded: LoadedConfiguration) {
    valid = loaded.configuration != nil
    files = loaded.files
    agents = loaded.configuration?.agents.count ?? 0
    diagnostics = loaded.diagnostics.map(DiagnosticReport.init)
  }
}

extension DiagnosticReport {
  init(_ diagnostic: Diagnostic) {
    self.init(
      severity: diagnostic.severity == .error ? .error : .warning, file: diagnostic.file,
      line: diagnostic.line, column: diagnostic.column, message: diagnostic.message,
      hint: diagnostic.hint)
  }
}

extension Session {
  /// The file as an absolute path: whoever reads it later may be in another folder.
  func absolutePath(_ path: String) throws(CommandFailure) -> String {
    path.hasPrefix("/") ? path : "\(try workingFolder())/\(path)"
  }

  /// Where a daemon of this configuration has to know that it was started; nil: it need not.
  func folder(of configuration: Configuration) throws(CommandFailure) -> String? {
    configuration.settings.supervisord == nil ? nil : try workingFolder()
  }

  private func workingFolder() throws(CommandFailure) -> String {
    do {
      return try Surroundings.currentDirectory()
    } catch {
      throw .system(error)
    }
  }

  func load(_ path: String) throws(CommandFailure) -> LoadedConfiguration {
    loadConfiguration(
      try absolutePath(path),
      from: SystemConfigurationSource(
        environment: environment, startedIn: (try? Surroundings.currentDirectory()) ?? "/"),
      shownFrom: try? Surroundings.currentDirectory())
  }

  /// A configuration that can be used. What is wrong with it is shown on standard error.
  func loadUsable(_ path: String) throws(CommandFailure) -> Configuration {
    let loaded = try load(path)
    for diagnostic in loaded.diagnostics {
      console.complain(unprefixed: diagnostic.rendered(color: console.style.usesColor))
    }
    guard let configuration = loaded.configuration else {
      throw .no("\(path) has \(count(loaded, .error)); nothing was started")
    }
    return configuration
  }
}

@Sendable func runCheck(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let path = invocation.operands[0]
  let loaded = try session.load(path)
  if invocation.has("json") {
    session.console.write(json: CheckReport(loaded))
  } else {
    session.console.write(checkText(path, loaded, style: session.console.style))
  }
  return loaded.configuration == nil ? .no : .ok
}

func checkText(_ path: String, _ loaded: LoadedConfiguration, style: Style) -> String {
  var text = ""
  for diagnostic in loaded.diagnostics {
    text += diagnostic.rendered(color: style.usesColor) + "\n"
  }
  let agents = loaded.configuration.map { " (\($0.agents.count) agents)" } ?? ""
  let counts = [Diagnostic.Severity.error, .warning].map { count(loaded, $0) }
  return text + "\(path): \(counts.joined(separator: ", "))\(agents)\n"
}

/// For example `1 error` or `no warnings`.
private func count(_ loaded: LoadedConfiguration, _ severity: Diagnostic.Severity) -> String {
  let number = loaded.diagnostics.count { $0.severity == severity }
  switch number {
  case 0: return "no \(severity.rawValue)s"
  case 1: return "1 \(severity.rawValue)"
  default: return "\(number) \(severity.rawValue)s"
  }
}
