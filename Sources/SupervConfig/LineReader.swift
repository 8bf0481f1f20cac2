// Bytes to sections and entries, each with its exact position; what they mean is decided elsewhere.
//
// The rules are those of Python's configparser as supervisord sets it up, so that one reader serves
// both dialects (`Dialect` has the differences):
// - A line that is indented deeper than the line of its key belongs to the value, whatever it looks
//   like. Blank lines within a value are kept, those after it dropped, comment lines vanish.
// - `;` and `#` start a comment at the beginning of a line or after white space.
// - A header goes to the last `]` of its line. Headers and keys may be indented. Lines end in LF,
//   CR LF or CR.
//
// A line that breaks the rules becomes a problem, and reading goes on with the next one.

/// Whose file it is.
package enum Dialect: Hashable, Sendable {
  /// `=` only; a comment character between quotation marks is text.
  case superv
  /// `=` or `:`, whichever comes first; keys in lower case; quotation marks protect nothing.
  case supervisord
}

/// A `[header]` with the entries below it, repeated headers and keys included.
package struct Section: Sendable {
  package var header: Segment
  /// A line of it could not be read.
  package var isBroken = false
  package var entries: [Entry] = []
}

/// A key with its value.
package struct Entry: Sendable {
  package var key: String
  package var line: Int
  package var column: Int
  /// The lines of the value, trimmed, comments cut; the first one is on the key's line.
  package var segments: [Segment]
  /// A line of it could not be read.
  package var isBroken = false
}

/// A piece of one line.
package struct Segment: Sendable {
  /// From 1.
  package var line: Int
  /// Of the first byte, from 1, in Unicode scalars.
  package var column: Int
  package var bytes: ArraySlice<UInt8>
  /// Whether a comment follows on the line.
  package var isCut = false

  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A line that breaks the rules.
package struct ReadingProblem: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case byteOrderMark, invalidUTF8, nul, lineTooLong
    case textBeforeSection, unclosedHeader, emptyHeader, textAfterHeader
    case missingDelimiter, missingKey
  }

  package var kind: Kind
  package var line: Int
  package var column: Int
}

/// What a file consists of.
package struct ReadingResult: Sendable {
  package var sections: [Section] = []
  package var problems: [ReadingProblem] = []
}

/// The longest line that is read, in bytes.
package let maximumLineBytes = 65_536

/// Splits a file into sections and entries. Never fails: what cannot be read is among the problems.
package func readSections(_ bytes: [UInt8], as dialect: Dialect) -> ReadingResult {
  var reader = LineReader(dialect: dialect)
  for line in Lines(bytes) { reader.read(line) }
  return reader.result
}

private struct LineReader {
  /// What a deeper indented line continues.
  enum Owner { case nobody, entry, skippedLine }

  let dialect: Dialect
  var result = ReadingResult()
  var owner = Owner.nobody
  var ownerIndent = 0
  /// Blank lines since the last line of the value: part of it if the value goes on.
  var blankLines: [Segment] = []

  init(dialect: Dialect) { self.dialect = dialect }

  mutating func read(_ line: Line) {
    var line = line
    let isBroken = removeUnreadable(&line)
    let commentStart = line.commentStart(in: dialect)
    var content = line.segment(
      line.bytes[..<(commentStart ?? line.bytes.endIndex)].trimmed(in: dialect))
    content.isCut = commentStart != nil
    if content.bytes.isEmpty {
      if commentStart == nil, owner == .entry { blankLines.append(content) }
      return
    }
    defer { blankLines = [] }
    if owner != .nobody, content.column - 1 > ownerIndent {
      continueValue(with: content, isBroken: isBroken)
      return
    }
    ownerIndent = content.column - 1
    if content.bytes.first == UInt8(ascii: "["), readHeader(content, line, isBroken) { return }
    if result.sections.isEmpty {
      if !result.problems.contains(where: { $0.kind == .textBeforeSection }) {
        report(.textBeforeSection, content)
      }
    } else {
      readEntry(content, line, isBroken)
    }
  }

  /// Reports what no line may hold; true when there was some.
  mutating func removeUnreadable(_ line: inout Line) -> Bool {
    if line.number == 1, line.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      line.bytes = line.bytes.dropFirst(3)
      report(.byteOrderMark, line.segment(line.bytes))
    }
    let count = result.problems.count
    if line.bytes.count > maximumLineBytes {
      line.bytes = line.bytes.prefix(maximumLineBytes)
      report(.lineTooLong, line.segment(line.bytes[line.bytes.endIndex...]))
    } else if let index = line.bytes.firstInvalidUTF8 {
      report(.invalidUTF8, line.segment(line.bytes[index...]))
    }
    if let index = line.bytes.firstIndex(of: 0) { report(.nul, line.segment(line.bytes[index...])) }
    return result.problems.count > count
  }

  mutating func continueValue(with content: Segment, isBroken: Bool) {
    switch owner {
    case .entry:
      let section = result.sections.count - 1
      let entry = result.sections[section].entries.count - 1
      result.sections[section].entries[entry].segments += blankLines + [content]
      if isBroken { result.sections[section].entries[entry].isBroken = true }
    case .nobody, .skippedLine: break
    }
  }

  /// False when the line is none (then it is read as an entry, as configparser does).
  mutating func readHeader(_ content: Segment, _ line: Line, _ isBroken: Bool) -> Bool {
    var inside = content.bytes.dropFirst()
    if let end = inside.lastIndex(of: UInt8(ascii: "]")),
      dialect == .superv || end > inside.startIndex
    {
      let rest = inside[(end + 1)...].trimmed
      inside = inside[..<end]
      if dialect == .superv, !rest.isEmpty { report(.textAfterHeader, line.segment(rest)) }
    } else if dialect == .supervisord {
      return false
    } else {
      report(.unclosedHeader, content)
    }
    let header = line.segment(dialect == .superv ? inside.trimmed : inside)
    let isEmpty = header.bytes.isEmpty
    if isEmpty { report(.emptyHeader, content) }
    result.sections.append(Section(header: header, isBroken: isBroken || isEmpty))
    owner = .nobody
    return true
  }

  mutating func readEntry(_ content: Segment, _ line: Line, _ isBroken: Bool) {
    let isDelimiter: (UInt8) -> Bool = { [dialect] in
      $0 == UInt8(ascii: "=") || dialect == .supervisord && $0 == UInt8(ascii: ":")
    }
    owner = .skippedLine
    guard let delimiter = content.bytes.firstIndex(where: isDelimiter) else {
      return report(.missingDelimiter, content)
    }
    let key = line.segment(content.bytes[..<delimiter].trimmed(in: dialect))
    guard !key.bytes.isEmpty else { return report(.missingKey, content) }
    var value = line.segment(content.bytes[(delimiter + 1)...].trimmed(in: dialect))
    value.isCut = content.isCut
    let name = dialect == .supervisord ? key.text.lowercased() : key.text
    result.sections[result.sections.count - 1].entries.append(
      Entry(
        key: name, line: key.line, column: key.column, segments: [value], isBroken: isBroken))
    owner = .entry
  }

  mutating func report(_ kind: ReadingProblem.Kind, _ segment: Segment) {
    result.problems.append(
      ReadingProblem(kind: kind, line: segment.line, column: segment.column))
  }
}
