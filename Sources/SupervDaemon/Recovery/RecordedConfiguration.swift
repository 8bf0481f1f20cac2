package import SupervConfig

/// Everything that was read to make a configuration, so that it can be made again although the
/// files have changed: what runs is what was read, until somebody asks for a reload.
package struct RecordedConfiguration: Codable, Hashable, Sendable {
  fileprivate struct File: Codable, Hashable, Sendable {
    var text: String?
    var failure: String?
  }

  /// Of the main file, absolute.
  package var path: String
  fileprivate var binaryFolder: String
  fileprivate var files: [String: File] = [:]
  fileprivate var folders: [String: [String]] = [:]
  fileprivate var folderFailures: [String: String] = [:]
  fileprivate var kinds: [String: FileKind?] = [:]
  fileprivate var canonicalPaths: [String: String?] = [:]
  fileprivate var variables: [String: String?] = [:]
  fileprivate var users: [String: Bool] = [:]
  /// Only asked for by supervisord's dialect; nil in journals of before that.
  fileprivate var surroundings: Surroundings?

  fileprivate struct Surroundings: Codable, Hashable, Sendable {
    var names: [String] = []
    var values: [String] = []
    var hostName = ""
    var workingFolder = "/"
    /// nil in journals of before it was asked for.
    var isInForeground: Bool?
    var homeFolders: [String: String] = [:]
  }

  /// Makes the configuration again.
  package func load() -> LoadedConfiguration { loadConfiguration(path, from: Replay(of: self)) }
}

/// A configuration, and what it was made of.
package struct ReadConfiguration: Sendable {
  package var loaded: LoadedConfiguration
  package var record: RecordedConfiguration

  /// Reads the main file at an absolute path, and what it includes.
  package init(_ path: String, from source: some ConfigurationSource) {
    let recorder = Recorder(path, source)
    loaded = loadConfiguration(path, from: recorder)
    record = recorder.record
  }
}

/// Passes every question on, and keeps the answer.
private final class Recorder<Source: ConfigurationSource>: ConfigurationSource {
  private let source: Source
  private(set) var record: RecordedConfiguration

  init(_ path: String, _ source: Source) {
    self.source = source
    record = RecordedConfiguration(path: path, binaryFolder: source.binaryFolder)
  }

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    do {
      let bytes = try source.readFile(path, limit: limit)
      record.files[path] = .init(text: String(decoding: bytes, as: UTF8.self))
      return bytes
    } catch {
      record.files[path] = .init(failure: error.reason)
      throw error
    }
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    do {
      let names = try source.namesInFolder(path)
      record.folders[path] = names
      return names
    } catch {
      record.folderFailures[path] = error.reason
      throw error
    }
  }

  func kindOfFile(_ path: String) -> FileKind? {
    let kind = source.kindOfFile(path)
    record.kinds.updateValue(kind, forKey: path)
    return kind
  }

  func canonicalPath(_ path: String) -> String? {
    let canonical = source.canonicalPath(path)
    record.canonicalPaths.updateValue(canonical, forKey: path)
    return canonical
  }

  func environmentVariable(_ name: String) -> String? {
    let value = source.environmentVariable(name)
    record.variables.updateValue(value, forKey: name)
    return value
  }

  var environment: [EnvironmentVariable] {
    let variables = source.environment
    record.surroundings = record.surroundings ?? .init()
    record.surroundings?.names = variables.map(\.name)
    record.surroundings?.values = variables.map(\.value)
    return variables
  }

  var hostName: String {
    record.surroundings = record.surroundings ?? .init()
    record.surroundings?.hostName = source.hostName
    return source.hostName
  }

  var workingFolder: String {
    record.surroundings = record.surroundings ?? .init()
    record.surroundings?.workingFolder = source.workingFolder
    return source.workingFolder
  }

  var isInForeground: Bool {
    record.surroundings = record.surroundings ?? .init()
    record.surroundings?.isInForeground = source.isInForeground
    return source.isInForeground
  }

  func homeFolder(of user: String) -> String? {
    record.surroundings = record.surroundings ?? .init()
    record.surroundings?.homeFolders[user] = source.homeFolder(of: user)
    return source.homeFolder(of: user)
  }

  func userExists(_ name: String) -> Bool {
    let exists = source.userExists(name)
    record.users[name] = exists
    return exists
  }

  var binaryFolder: String { source.binaryFolder }
}

/// Answers as before; what was never asked is not there.
private struct Replay: ConfigurationSource {
  private let record: RecordedConfiguration

  init(of record: RecordedConfiguration) { self.record = record }

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    guard let text = record.files[path]?.text else {
      throw SourceError(record.files[path]?.failure ?? "not recorded")
    }
    return Array(text.utf8)
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    guard let names = record.folders[path] else {
      throw SourceError(record.folderFailures[path] ?? "not recorded")
    }
    return names
  }

  func kindOfFile(_ path: String) -> FileKind? { record.kinds[path] ?? nil }
  func canonicalPath(_ path: String) -> String? { record.canonicalPaths[path] ?? nil }
  func environmentVariable(_ name: String) -> String? { record.variables[name] ?? nil }
  func userExists(_ name: String) -> Bool { record.users[name] ?? false }
  var environment: [EnvironmentVariable] {
    guard let kept = record.surroundings else { return [] }
    return zip(kept.names, kept.values).map { EnvironmentVariable(name: $0, value: $1) }
  }
  var hostName: String { record.surroundings?.hostName ?? "localhost" }
  var workingFolder: String { record.surroundings?.workingFolder ?? "/" }
  var isInForeground: Bool { record.surroundings?.isInForeground ?? false }
  func homeFolder(of user: String) -> String? { record.surroundings?.homeFolders[user] }
  var binaryFolder: String { record.binaryFolder }
}
