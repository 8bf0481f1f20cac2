/// The outcome of loading a configuration.
package struct LoadedConfiguration: Sendable {
  /// nil when there is at least one error.
  package var configuration: Configuration?
  /// Everything that is wrong, in file order; at most `maximumDiagnostics` and one that counts the
  /// rest.
  package var diagnostics: [Diagnostic]
  /// Every file that was read or should have been, absolute; the first is the main file.
  package var files: [String]
}

/// Loads a configuration with everything it includes, in superv's own dialect or in supervisord's,
/// and checks it as a whole.
///
/// - Parameters:
///   - path: the main file, absolute.
///   - source: the world outside.
///   - folder: diagnostics show the files below it by their path from there; nil: all absolute.
package func loadConfiguration(
  _ path: String, from source: some ConfigurationSource, shownFrom folder: String? = nil
) -> LoadedConfiguration {
  let path = absolutePath(path, from: "/")
  if let bytes = try? source.readFile(path, limit: maximumFileBytes), isSupervisord(bytes) {
    return loadMeaning(ofSupervisord: path, from: source, shownFrom: folder)
  }
  var loader = FileLoader(source: source, shownFrom: folder)
  loader.load(path, from: nil)
  var reading = loader.reading
  let settings = DeclaredSettings(loader.sections, &reading)
  let tree = DeclaredTree(settings, &reading)
  tree.check(&reading)
  let daemon = daemonSettings(from: settings, &reading)
  let diagnostics = reading.diagnostics
  let files = reading.files.map(\.path)
  let isGood = !diagnostics.contains { $0.severity == .error }
  return LoadedConfiguration(
    configuration: isGood ? tree.configuration(daemon, settings.superv, files: files) : nil,
    diagnostics: diagnostics, files: files)
}
