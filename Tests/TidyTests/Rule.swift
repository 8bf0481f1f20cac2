import Testing

/// What a rule found: where, and what is wrong there.
struct Violation: Hashable, CustomStringConvertible {
  var path: String
  /// From 1; 0 for the file as a whole.
  var line: Int
  var message: String

  var description: String { "\(path):\(line): \(message)" }
}

/// One rule over source text, with a sample that it must reject and one that it must accept: a
/// check that cannot fail is worse than none.
struct Rule: CustomTestStringConvertible, Sendable {
  struct Sample: Sendable {
    var path: String
    var text: String
  }

  var name: String
  var bad: [Sample]
  var good: [Sample]
  var check: @Sendable (SourceFile) -> [Violation]

  var testDescription: String { name }

  init(
    _ name: String, bad: KeyValuePairs<String, String>, good: KeyValuePairs<String, String>,
    check: @escaping @Sendable (SourceFile) -> [Violation]
  ) {
    self.name = name
    self.bad = bad.map { Sample(path: $0.key, text: $0.value) }
    self.good = good.map { Sample(path: $0.key, text: $0.value) }
    self.check = check
  }

  /// A rule that forbids words in the code of some files; comments and strings may have them.
  init(
    _ name: String, forbids patterns: [String],
    in applies: @escaping @Sendable (SourceFile) -> Bool,
    bad: KeyValuePairs<String, String>, good: KeyValuePairs<String, String>
  ) {
    self.init(name, bad: bad, good: good) { file in
      guard applies(file) else { return [] }
      return find(patterns, in: file.code, of: file)
    }
  }

  /// A rule that forbids words anywhere in the text.
  init(
    _ name: String, forbidsText patterns: [String], bad: KeyValuePairs<String, String>,
    good: KeyValuePairs<String, String>
  ) {
    self.init(name, bad: bad, good: good) { find(patterns, in: $0.lines, of: $0) }
  }

  func violations(in file: SourceFile) -> [Violation] {
    check(file).map {
      Violation(path: $0.path, line: $0.line, message: "\(name): \($0.message)")
    }
  }
}

/// Every place where one of the words stands in the lines, as a word of its own.
func find(_ words: [String], in lines: [String], of file: SourceFile) -> [Violation] {
  var found: [Violation] = []
  for (index, line) in lines.enumerated() {
    for word in words where line.containsWord(word) {
      found.append(Violation(path: file.path, line: index + 1, message: "`\(word)`"))
    }
  }
  return found
}

extension String {
  /// Whether `word` stands here and no identifier runs on past either of its ends. At an end where
  /// the word itself is no identifier (`print(`), anything may follow.
  func containsWord(_ word: String) -> Bool {
    let text = Array(utf8)
    let wanted = Array(word.utf8)
    guard let first = wanted.first, let last = wanted.last, text.count >= wanted.count else {
      return false
    }
    for start in 0...(text.count - wanted.count)
    where text[start] == first && text[start..<start + wanted.count].elementsEqual(wanted) {
      let end = start + wanted.count
      let joinsLeft = start > 0 && first.isIdentifier && text[start - 1].isIdentifier
      let joinsRight = end < text.count && last.isIdentifier && text[end].isIdentifier
      if !joinsLeft && !joinsRight { return true }
    }
    return false
  }
}

extension UInt8 {
  fileprivate var isIdentifier: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}
