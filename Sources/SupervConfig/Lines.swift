// Lines of bytes: where they end, where a comment starts in them, which column a byte is in.

/// The lines of a file, ended by LF, CR LF or CR.
struct Lines: Sequence, IteratorProtocol {
  private var rest: ArraySlice<UInt8>
  private var number = 0

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func next() -> Line? {
    guard !rest.isEmpty else { return nil }
    number += 1
    let end = rest.firstIndex { $0 == lineFeed || $0 == carriageReturn } ?? rest.endIndex
    let line = Line(number: number, bytes: rest[..<end])
    let isPair = rest[end...].starts(with: [carriageReturn, lineFeed])
    rest = rest[end...].dropFirst(isPair ? 2 : 1)
    return line
  }
}

struct Line {
  var number: Int
  var bytes: ArraySlice<UInt8>

  /// A part of this line, with its position.
  func segment(_ part: ArraySlice<UInt8>) -> Segment {
    let before = bytes[..<part.startIndex]
    return Segment(line: number, column: before.scalarCount + 1, bytes: part)
  }

  func commentStart(in dialect: Dialect) -> Int? {
    if let first = bytes.firstIndex(where: { !$0.isSpace }), bytes[first].startsComment {
      return bytes.startIndex
    }
    switch dialect {
    case .superv: return commentStartOutsideQuotes()
    case .supervisord: return commentStartInRounds()
    }
  }

  /// A quotation mark protects up to its partner on the same line; an apostrophe within a word
  /// (`it's`) is none.
  private func commentStartOutsideQuotes() -> Int? {
    var index = bytes.startIndex
    var previous: UInt8 = 0x20
    while index < bytes.endIndex {
      let byte = bytes[index]
      if byte.startsComment, previous.isSpace { return index }
      let opens = byte == doubleQuote || byte == singleQuote && !previous.isWordByte
      if opens, let end = closingQuote(from: index) { index = end }
      previous = bytes[index]
      index += 1
    }
    return nil
  }

  private func closingQuote(from start: Int) -> Int? {
    var index = start + 1
    while index < bytes.endIndex {
      if bytes[index] == bytes[start] { return index }
      let isEscape = bytes[start] == doubleQuote && bytes[index] == backslash
      index += isEscape ? 2 : 1
    }
    return nil
  }

  /// configparser looks for the first `;` and the first `#`, then for the second ones and so on,
  /// and stops after the first round in which one of the two starts a comment.
  private func commentStartInRounds() -> Int? {
    var starts: [(mark: UInt8, from: Int)] = [
      (UInt8(ascii: ";"), bytes.startIndex), (UInt8(ascii: "#"), bytes.startIndex),
    ]
    while !starts.isEmpty {
      var found: Int?
      starts = starts.compactMap { mark, from in
        guard let index = bytes[from...].firstIndex(of: mark) else { return nil }
        if index == bytes.startIndex || bytes[..<index].endsInPythonSpace {
          found = min(found ?? index, index)
        }
        return (mark, index + 1)
      }
      if let found { return found }
    }
    return nil
  }
}

let lineFeed = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")
let doubleQuote = UInt8(ascii: "\"")
let singleQuote = UInt8(ascii: "'")
let backslash = UInt8(ascii: "\\")
let comma = UInt8(ascii: ",")

extension UInt8 {
  /// ASCII white space, line ends included.
  var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

  /// A letter, a digit, `_`, or part of a character beyond ASCII.
  var isWordByte: Bool { isLetter || isDigit || self == UInt8(ascii: "_") || self >= 0x80 }

  fileprivate var startsComment: Bool { self == UInt8(ascii: ";") || self == UInt8(ascii: "#") }

  /// Every byte of UTF-8 but the second and later ones of a character.
  var startsScalar: Bool { self & 0b1100_0000 != 0b1000_0000 }
}

extension ArraySlice<UInt8> {
  /// Without white space at both ends; where nothing is left, the empty start.
  var trimmed: ArraySlice<UInt8> {
    let start = drop { $0.isSpace }
    guard let last = start.lastIndex(where: { !$0.isSpace }) else { return prefix(0) }
    return start[...last]
  }

  /// Without what a dialect takes for white space.
  func trimmed(in dialect: Dialect) -> ArraySlice<UInt8> {
    guard dialect == .supervisord else { return trimmed }
    let scalars = String(decoding: self, as: UTF8.self).unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return prefix(0) }
    // What is not UTF-8 has another length as text; it is complained about elsewhere.
    let before = scalars[..<first].reduce(0) { $0 + UTF8.width($1) }
    let after = scalars[last...].dropFirst().reduce(0) { $0 + UTF8.width($1) }
    return dropFirst(before).dropLast(after)
  }

  fileprivate var endsInPythonSpace: Bool {
    let tail = suffix(4)
    let start = tail.lastIndex(where: \.startsScalar) ?? tail.startIndex
    return String(decoding: tail[start...], as: UTF8.self).unicodeScalars.last?.isPythonSpace
      ?? false
  }

  var scalarCount: Int { reduce(0) { $0 + ($1.startsScalar ? 1 : 0) } }

  /// Where the first byte sequence starts that is not UTF-8 (Unicode 16, table 3-7).
  var firstInvalidUTF8: Int? {
    guard String(validating: self, as: UTF8.self) == nil else { return nil }
    var decoder = UTF8()
    var bytes = makeIterator()
    var valid = startIndex
    while case .scalarValue(let scalar) = decoder.decode(&bytes) {
      valid += UTF8.width(scalar)
    }
    return valid
  }
}
