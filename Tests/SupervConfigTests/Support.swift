import Foundation
import SupervConfig
import SupervisionTree
import Testing

/// A world made of values.
struct FixedSource: ConfigurationSource {
  var files: [String: [UInt8]] = [:]
  var folders: Set<String> = ["/", "/etc", "/etc/superv", "/srv"]
  var variables = ["HOME": "/home/op", "ARGS": "--fast --deep", "WORKERS": "2"]
  var binaryFolder = "/opt/superv bin"
  /// What this kernel cannot do.
  var unkept: Set<TreeLimit> = []
  var sandboxProblems: [String] = []

  /// A main file, at `path`.
  init(_ text: String = "", at path: String = mainPath) { files[path] = Array(text.utf8) }

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    guard let bytes = files[canonicalPath(path) ?? path] else {
      throw SourceError("No such file or directory")
    }
    return Array(bytes.prefix(limit + 1))
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    let prefix = path == "/" ? path : path + "/"
    let below = (Array(files.keys) + folders).filter { $0.hasPrefix(prefix) && $0 != prefix }
    guard !below.isEmpty else { throw SourceError("No such file or directory") }
    // In an order that nothing may rely on, as readdir(3) does.
    return Set(below.map { String($0.dropFirst(prefix.count).prefix { $0 != "/" }) }) + [".", ".."]
  }

  func kindOfFile(_ path: String) -> FileKind? {
    if folders.contains(path) { return .folder }
    return files[path] != nil || path == "/dev/null" ? .file : nil
  }

  func canonicalPath(_ path: String) -> String? {
    var components: [Substring] = []
    for component in path.split(separator: "/") {
      if component == ".." { _ = components.popLast() } else { components.append(component) }
    }
    return "/" + components.joined(separator: "/")
  }

  func environmentVariable(_ name: String) -> String? { variables[name] }

  func userExists(_ name: String) -> Bool { name == "nobody" }

  func problem(keeping limit: TreeLimit) -> String? {
    unkept.contains(limit) ? "no controller" : nil
  }

  func problems(enforcing sandbox: SandboxSettings) -> [String] { sandboxProblems }
}

let mainPath = "/etc/superv/main.conf"

/// Loads a main file's text.
func load(_ text: String, source: FixedSource = FixedSource()) -> LoadedConfiguration {
  var source = source
  source.files[mainPath] = Array(text.utf8)
  return loadConfiguration(mainPath, from: source, shownFrom: "/etc/superv")
}

/// The configuration that a text without errors and warnings means.
func good(
  _ text: String, source: FixedSource = FixedSource(), location: SourceLocation = #_sourceLocation
) throws -> Configuration {
  let loaded = load(text, source: source)
  #expect(loaded.diagnostics.map(\.description) == [], sourceLocation: location)
  return try #require(loaded.configuration, sourceLocation: location)
}

/// The only agent of `[agent:a]` with these lines.
func agent(
  _ lines: String, location: SourceLocation = #_sourceLocation
) throws -> AgentDefinition {
  let command = lines.contains("command") ? "" : "command = run\n"
  let text = "[agent:a]\n\(command)\(lines)\n"
  return try #require(good(text, location: location).agents.first, sourceLocation: location)
}

/// Everything wrong with a text.
func diagnostics(_ text: String) -> [String] { load(text).diagnostics.map(\.description) }

/// This folder in the checkout.
let testFolder = URL(filePath: #filePath).deletingLastPathComponent()

/// Set to rewrite what tests compare with; the rewritten files are then read by eye, as a diff.
let isUpdating = ProcessInfo.processInfo.environment["SUPERV_UPDATE_EXPECTED"] == "1"
