import Foundation

/// Which module may import what: the one table that both the sources and Package.swift are held to.
enum Layers {
  /// Modules of this package that each target depends on, once they exist.
  static let modules: [String: Set<String>] = [
    "CSuperv": [],
    "CSupervEntry": [],
    "SupervisionTree": [],
    "SupervProtocol": [],
    "SupervisordProtocol": [],
    "SupervConfig": ["SupervisionTree"],
    "SupervSystem": ["CSuperv"],
    "SupervDaemon": [
      "SupervisionTree", "SupervProtocol", "SupervisordProtocol", "SupervConfig", "SupervSystem",
    ],
    "SupervChaos": ["SupervProtocol", "SupervConfig"],
    "SupervKeeper": ["SupervSystem"],
    "SupervLogger": ["SupervSystem"],
    "SupervAgent": ["SupervProtocol", "SupervSystem"],
    "SupervCommands": [
      "SupervisionTree", "SupervProtocol", "SupervConfig", "SupervSystem", "SupervDaemon",
      "SupervChaos", "SupervKeeper", "SupervLogger",
    ],
    "superv": ["CSupervEntry", "SupervCommands"],
    "superv-conformance-subject": ["SupervAgent", "SupervSystem"],
    // The benchmark shares no code with what it measures.
    "CBench": [],
    "BenchPage": [],
    "superv-bench": ["CBench", "BenchPage"],
    "superv-bench-bare": ["CBench"],
  ]

  /// Modules of the toolchain, beside the standard library.
  static let toolchain: [String: Set<String>] = [
    "SupervProtocol": ["FoundationEssentials"],
    "SupervisordProtocol": ["FoundationEssentials"],
    "SupervDaemon": ["FoundationEssentials"],
    "SupervAgent": ["FoundationEssentials"],
    "superv-conformance-subject": ["FoundationEssentials"],
    "SupervCommands": ["FoundationEssentials"],
    "SupervSystem": ["Glibc"],
  ]

  /// What every test target may import beside the targets that Package.swift gives it.
  static let testToolchain: Set<String> = [
    "Testing", "Foundation", "FoundationEssentials", "Glibc", "Synchronization",
  ]

  /// Modules that a test sees only through the module that wraps them.
  static let notForTests: Set<String> = ["CSuperv"]
}

/// The modules that a Swift file imports, each with its line (from 1).
func imports(of file: SourceFile) -> [(module: String, line: Int)] {
  let kinds: Set<Substring> = [
    "struct", "class", "enum", "protocol", "typealias", "func", "var", "let",
  ]
  var found: [(String, Int)] = []
  for (index, line) in file.code.enumerated() where line.contains("import") {
    for statement in line.split(separator: ";") {
      let words = statement.split(whereSeparator: \.isWhitespace)
      guard let keyword = words.firstIndex(of: "import"),
        words[..<keyword].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains($0) }),
        let name = words[(keyword + 1)...].first(where: { !kinds.contains($0) })
      else { continue }
      found.append((name.prefix { $0 != "." }.description, index + 1))
    }
  }
  return found
}

private let accessLevels: Set<Substring> = [
  "private", "fileprivate", "internal", "package", "public",
]

/// One target as Package.swift declares it.
struct DeclaredTarget: Equatable {
  var name: String
  var dependencies: Set<String>
  var isTest: Bool
}

/// The targets in the text of Package.swift: each call of one of its target makers, whose first
/// string is the name; the strings in the list after a dependency label are the dependencies.
func declaredTargets(in manifest: SourceFile) -> [DeclaredTarget] {
  let makers = ["module(", "program(", "cProgram(", "tests(", ".target(", ".executableTarget("]
  let labels = ["imports:", "of:", "dependencies:"]
  let text = zip(manifest.lines, manifest.code)
    .map { line, code in code.allSatisfy(\.isWhitespace) ? "" : line }.joined(separator: "\n")
  var targets: [DeclaredTarget] = []
  var rest = text[...]
  if let list = rest.range(of: "targets: [\n") { rest = rest[list.upperBound...] }
  while let (maker, range) = earliest(of: makers, in: rest) {
    let call = rest[range.upperBound...].balancedPrefix(open: "(", close: ")")
    rest = rest[call.endIndex...]
    guard let name = strings(in: call).first else { continue }
    var dependencies: Set<String> = []
    if let (_, label) = earliest(of: labels, in: call),
      let bracket = call[label.upperBound...].firstIndex(of: "[")
    {
      let list = call[call.index(after: bracket)...].balancedPrefix(open: "[", close: "]")
      dependencies = Set(strings(in: list))
    }
    targets.append(
      DeclaredTarget(name: name, dependencies: dependencies, isTest: maker == "tests("))
  }
  return targets
}

private func earliest(
  of needles: [String], in text: Substring
) -> (needle: String, range: Range<String.Index>)? {
  needles.compactMap { needle in text.range(of: needle).map { (needle, $0) } }
    .min { $0.1.lowerBound < $1.1.lowerBound }
}

private func strings(in text: Substring) -> [String] {
  text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
    .filter { $0.offset % 2 == 1 }.map { String($0.element) }
}

extension Substring {
  /// Up to the bracket that closes one opened just before.
  fileprivate func balancedPrefix(open: Character, close: Character) -> Substring {
    var depth = 1
    for index in indices {
      if self[index] == open { depth += 1 }
      if self[index] == close { depth -= 1 }
      if depth == 0 { return self[..<index] }
    }
    return self
  }
}
