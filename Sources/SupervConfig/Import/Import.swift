// Other people's configurations in superv's own dialect.

/// Whose configuration is imported.
package enum ImportedDialect: String, CaseIterable, Hashable, Sendable {
  case supervisord, procfile
}

/// A configuration in superv's own dialect that means what another one means.
package struct ImportedConfiguration: Hashable, Sendable {
  /// A process of the one, and who it is in the other.
  package struct Process: Hashable, Sendable {
    /// `GROUP:NAME` as supervisorctl calls it, or the name in the Procfile.
    package var name: String
    /// The instance as `superv status` shows it.
    package var agent: String
  }

  /// What has no counterpart.
  package struct Omission: Hashable, Sendable {
    /// For example `[eventlistener:mail]`, or the name of a process.
    package var name: String
    package var reason: String
  }

  package var text: String
  /// In start order.
  package var processes: [Process] = []
  package var omissions: [Omission] = []
}

/// The outcome of reading one to import.
package struct LoadedImport: Sendable {
  package var dialect: ImportedDialect
  /// nil when there is at least one error.
  package var imported: ImportedConfiguration?
  /// What was wrong with what was read.
  package var diagnostics: [Diagnostic]
  /// Every file that was read, absolute; the first is the main file.
  package var files: [String]
}

/// Reads a configuration of supervisord's or a Procfile, and says the same in superv's own dialect.
///
/// - Parameters:
///   - path: the main file, absolute.
///   - dialect: whose it is; nil: its content and its name tell.
///   - source: the world outside.
///   - folder: diagnostics show the files below it by their path from there; nil: all absolute.
package func loadImport(
  _ path: String, as dialect: ImportedDialect? = nil, from source: some ConfigurationSource,
  shownFrom folder: String? = nil
) -> LoadedImport {
  let path = absolutePath(path, from: "/")
  let bytes = (try? source.readFile(path, limit: maximumFileBytes)) ?? []
  let dialect = dialect ?? importedDialect(of: bytes, at: path)
  var loaded = LoadedImport(dialect: dialect, imported: nil, diagnostics: [], files: [path])
  if isOwnDialect(bytes) {
    let shown = Reading(source: source, shownFrom: folder).shown(path)
    loaded.diagnostics = [
      Diagnostic(
        .error, file: shown, line: 1, column: 1, "this file is in superv's own dialect already")
    ]
    return loaded
  }
  switch dialect {
  case .supervisord:
    let meaning = loadMeaning(ofSupervisord: path, from: source, shownFrom: folder)
    loaded.diagnostics = meaning.diagnostics
    loaded.files = meaning.files
    loaded.imported = meaning.configuration.flatMap { imported($0, from: source) }
  case .procfile:
    var reading = Reading(source: source, shownFrom: folder)
    let entries = reading.procfile(path)
    loaded.diagnostics = reading.diagnostics
    if !reading.hasErrors {
      loaded.imported = imported(fromProcfile: entries, path, source)
    }
  }
  return loaded
}

/// What a configuration of supervisord's means, in superv's own dialect; nil: it is none.
///
/// - Parameter source: where folders are looked for.
package func imported(
  _ configuration: Configuration, from source: some ConfigurationSource
) -> ImportedConfiguration? {
  SupervisordImport(configuration, source)?.imported
}

private func headers(in bytes: [UInt8]) -> [String] {
  readSections(bytes, as: .supervisord).sections.map(\.header.text)
}

private func isOwnDialect(_ bytes: [UInt8]) -> Bool {
  headers(in: bytes).contains {
    $0 == "superv" || $0.hasPrefix("agent:") || $0.hasPrefix("supervisor:")
  }
}

/// A Procfile has no sections, and a name and a colon at the beginning of every line.
private func importedDialect(of bytes: [UInt8], at path: String) -> ImportedDialect {
  let name = path.split(separator: "/").last ?? ""
  if name == "Procfile" || name.hasPrefix("Procfile.") { return .procfile }
  guard headers(in: bytes).isEmpty else { return .supervisord }
  let lines = Lines(bytes).map { String(decoding: $0.bytes.trimmed, as: UTF8.self) }
  let said = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
  return !said.isEmpty && said.allSatisfy { procfileParts($0) != nil } ? .procfile : .supervisord
}
