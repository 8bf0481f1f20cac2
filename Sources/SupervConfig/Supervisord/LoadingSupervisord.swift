/// The outcome of loading a supervisord configuration.
package struct LoadedSupervisord: Sendable {
  /// nil when there is at least one error.
  package var configuration: SupervisordConfiguration?
  /// Everything that is wrong, in file order. What supervisord reads otherwise than its author
  /// probably meant is a warning.
  package var diagnostics: [Diagnostic]
  /// Every file that was read or should have been, absolute; the first is the main file.
  package var files: [String]
}

/// Whether a main file is supervisord's: it has `[supervisord]` or a `[program:NAME]`, and nothing
/// that only superv's own dialect has.
func isSupervisord(_ bytes: [UInt8]) -> Bool {
  let headers = readSections(bytes, as: .supervisord).sections.map(\.header.text)
  func has(_ beginnings: String...) -> Bool {
    headers.contains { header in beginnings.contains { header.hasPrefix($0) } }
  }
  guard !headers.contains("superv"), !has("agent:", "supervisor:") else { return false }
  return headers.contains("supervisord")
    || has("program:", "eventlistener:", "fcgi-program:", "group:")
}

/// Loads one, and says what it comes to here.
func loadMeaning(
  ofSupervisord path: String, from source: some ConfigurationSource, shownFrom folder: String?
) -> LoadedConfiguration {
  var loaded = loadSupervisord(path, from: source, shownFrom: folder)
  // What `-n` is for supervisord.
  if source.isInForeground { loaded.configuration?.settings.staysInForeground = true }
  return LoadedConfiguration(
    configuration: loaded.configuration?.configuration(
      loaded.files, startedIn: source.workingFolder),
    diagnostics: loaded.diagnostics, files: loaded.files)
}

/// Loads a configuration of supervisord with everything it includes, as supervisor 4.3 does.
///
/// - Parameters:
///   - path: the main file, absolute.
///   - source: the world outside.
///   - folder: diagnostics show the files below it by their path from there; nil: all absolute.
package func loadSupervisord(
  _ path: String, from source: some ConfigurationSource, shownFrom folder: String? = nil
) -> LoadedSupervisord {
  let path = absolutePath(path, from: "/")
  var reader = SupervisordReader(path, from: source, shownFrom: folder)
  var configuration = SupervisordConfiguration()
  if !reader.reading.hasErrors, let settings = reader.settings() {
    configuration.settings = settings
    configuration.interfaces = reader.interfaces()
    configuration.groups = reader.groups()
    configuration.servers = reader.servers()
    configuration.client = reader.client()
    configuration.addEnvironment()
    reader.warnOfWhatIsIgnored()
    reader.warnOfWhatIsMissing()
  }
  let diagnostics = reader.reading.diagnostics
  let isGood = !diagnostics.contains { $0.severity == .error }
  return LoadedSupervisord(
    configuration: isGood ? configuration : nil, diagnostics: diagnostics,
    files: reader.reading.files.map(\.path))
}

extension SupervisordConfiguration {
  /// Every program has the variables of `[supervisord]`; its own are stronger.
  fileprivate mutating func addEnvironment() {
    guard !settings.environment.isEmpty else { return }
    for group in groups.indices {
      for program in groups[group].programs.indices {
        var all = settings.environment
        for own in groups[group].programs[program].environment {
          if let index = all.firstIndex(where: { $0.name == own.name }) {
            all[index] = own
          } else {
            all.append(own)
          }
        }
        groups[group].programs[program].environment = all
      }
    }
  }
}
