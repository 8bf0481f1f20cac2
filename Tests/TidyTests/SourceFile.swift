import Foundation

/// One text file of the repository, seen three ways.
struct SourceFile {
  /// Relative to the top of the repository, with `/` between the parts.
  let path: String
  /// Line by line, as it stands in the file.
  let lines: [String]
  /// The same lines without comments and without what string literals say; code inside an
  /// interpolation stays. Only filled for Swift and C.
  let code: [String]

  init(_ path: String, _ text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let blanked =
      switch (path as NSString).pathExtension {
      case "swift": CodeStripper.strip(Array(text.utf8), .swift)
      case "c", "h": CodeStripper.strip(Array(text.utf8), .c)
      default: [UInt8]()
      }
    code = String(decoding: blanked, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  var isSwift: Bool { path.hasSuffix(".swift") }
  var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
  var isTest: Bool { path.hasPrefix("Tests/") }
  var fileName: String { (path as NSString).lastPathComponent }

  /// The module a file under `Sources` or `Tests` belongs to: the folder's name.
  var module: String? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, parts[0] == "Sources" || parts[0] == "Tests" else { return nil }
    return String(parts[1])
  }

  /// Lines of text, not counting what follows the last newline.
  var lineCount: Int { lines.last?.isEmpty == true ? lines.count - 1 : lines.count }
}

/// Blanks comments and string literals, byte for byte, so that lines and columns stay.
struct CodeStripper {
  enum Language { case swift, c }

  private let bytes: [UInt8]
  private let language: Language
  private var output: [UInt8]
  private var at = 0

  static func strip(_ bytes: [UInt8], _ language: Language) -> [UInt8] {
    var stripper = CodeStripper(bytes: bytes, language: language, output: bytes)
    stripper.code(untilParenthesis: false)
    return stripper.output
  }

  private init(bytes: [UInt8], language: Language, output: [UInt8]) {
    (self.bytes, self.language, self.output) = (bytes, language, output)
  }

  private func sees(_ text: StaticString, at start: Int) -> Bool {
    let wanted = Array(text.description.utf8)
    return start + wanted.count <= bytes.count
      && bytes[start..<start + wanted.count].elementsEqual(wanted)
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where at < bytes.count {
      if bytes[at] != UInt8(ascii: "\n") { output[at] = UInt8(ascii: " ") }
      at += 1
    }
  }

  /// Code up to the end, or up to the parenthesis that closes an interpolation.
  private mutating func code(untilParenthesis: Bool) {
    var depth = 0
    while at < bytes.count {
      let byte = bytes[at]
      if sees("//", at: at) {
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { blank() }
      } else if sees("/*", at: at) {
        blockComment()
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") {
        if !string() { at += 1 }
      } else if byte == UInt8(ascii: "'"), language == .c {
        characterLiteral()
      } else {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") {
          if untilParenthesis, depth == 0 { return }
          depth -= 1
        }
        at += 1
      }
    }
  }

  private mutating func blockComment() {
    var depth = 0
    while at < bytes.count {
      if sees("/*", at: at), language == .swift || depth == 0 {
        depth += 1
        blank(2)
      } else if sees("*/", at: at) {
        depth -= 1
        blank(2)
        if depth == 0 { return }
      } else {
        blank()
      }
    }
  }

  private mutating func characterLiteral() {
    at += 1
    while at < bytes.count, bytes[at] != UInt8(ascii: "'"), bytes[at] != UInt8(ascii: "\n") {
      blank(bytes[at] == UInt8(ascii: "\\") ? 2 : 1)
    }
    at += 1
  }

  /// A string literal, raw (`#"…"#`) and multi-line (`"""`) ones too. The quotes stay.
  /// - Returns: false when there is none here after all.
  private mutating func string() -> Bool {
    var start = at
    while start < bytes.count, bytes[start] == UInt8(ascii: "#") { start += 1 }
    let hashes = start - at
    guard start < bytes.count, bytes[start] == UInt8(ascii: "\"") else { return false }
    let isLong = language == .swift && sees("\"\"\"", at: start)
    at = start + (isLong ? 3 : 1)
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "\n"), !isLong { return true }
      if isLong ? sees("\"\"\"", at: at) : bytes[at] == UInt8(ascii: "\"") {
        let end = at + (isLong ? 3 : 1)
        if followsHashes(hashes, at: end) {
          at = end + hashes
          return true
        }
        blank()
      } else if bytes[at] == UInt8(ascii: "\\"), followsHashes(hashes, at: at + 1) {
        escape(hashes)
      } else {
        blank()
      }
    }
    return true
  }

  private func followsHashes(_ count: Int, at start: Int) -> Bool {
    start + count <= bytes.count
      && bytes[start..<start + count].allSatisfy { $0 == UInt8(ascii: "#") }
  }

  private mutating func escape(_ hashes: Int) {
    blank(1 + hashes)
    guard at < bytes.count else { return }
    guard bytes[at] == UInt8(ascii: "("), language == .swift else { return blank() }
    at += 1
    code(untilParenthesis: true)
    at += 1
  }
}

/// The text files of the repository, without what git ignores and what git itself keeps.
struct Repository {
  static let ignored: Set<String> = [".git", "run", "state", "__pycache__", "Package.resolved"]

  static var top: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  static func files() throws -> [SourceFile] {
    var found: [SourceFile] = []
    try collect(top, prefix: "", into: &found)
    return found.sorted { $0.path < $1.path }
  }

  private static func collect(
    _ folder: URL, prefix: String, into found: inout [SourceFile]
  ) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      if ignored.contains(name) || name.hasPrefix(".build") { continue }
      let url = folder.appending(path: name)
      let values = try url.resourceValues(forKeys: [.isDirectoryKey, .isRegularFileKey])
      if values.isDirectory == true {
        try collect(url, prefix: prefix + name + "/", into: &found)
      } else if values.isRegularFile == true,
        let text = String(data: try Data(contentsOf: url), encoding: .utf8)
      {
        found.append(SourceFile(prefix + name, text))
      }
    }
  }
}
