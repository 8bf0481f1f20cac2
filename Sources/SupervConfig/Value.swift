// The text of a value, every byte with its place, so that whatever reads it can say where.

/// A position in one of the files that were read.
struct Place: Hashable, Comparable {
  /// Index in the files read.
  var file: Int
  var line: Int
  var column: Int

  static func < (left: Place, right: Place) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// A value or a part of one; lines are joined with LF.
struct Value {
  struct Unit {
    var byte: UInt8
    /// Put here by an expansion whose text is never syntax: a folder with a space stays one word.
    var isLiteral = false
    var place: Place

    /// Whether this is the character `byte` in its role as syntax.
    func isMark(_ byte: UInt8) -> Bool { !isLiteral && self.byte == byte }

    var isSpace: Bool { !isLiteral && byte.isSpace }
  }

  var units: ArraySlice<Unit>
  /// Where the value ends.
  var end: Place

  init(units: ArraySlice<Unit>, end: Place) {
    self.units = units
    self.end = end
  }

  /// The value of an entry.
  init(_ entry: Entry, file: Int) {
    var units: [Unit] = []
    var end = Place(file: file, line: entry.line, column: entry.column)
    for segment in entry.segments {
      if segment.line != entry.line { units.append(Unit(byte: lineFeed, place: end)) }
      var place = Place(file: file, line: segment.line, column: segment.column)
      for (offset, byte) in segment.bytes.enumerated() {
        if offset > 0, byte.startsScalar { place.column += 1 }
        units.append(Unit(byte: byte, place: place))
      }
      if !segment.bytes.isEmpty { place.column += 1 }
      end = place
    }
    self.init(units: units[...], end: end)
  }

  /// Where the value starts; its end where it is empty.
  var place: Place { units.first?.place ?? end }

  var isEmpty: Bool { units.isEmpty }

  var text: String { String(decoding: units.lazy.map(\.byte), as: UTF8.self) }

  /// The place of the unit at an index, or the end.
  func place(at index: Int) -> Place {
    index < units.endIndex ? units[index].place : end
  }

  subscript(range: Range<Int>) -> Value {
    Value(units: units[range], end: place(at: range.upperBound))
  }

  var trimmed: Value {
    let start = units.firstIndex { !$0.isSpace } ?? units.endIndex
    let end = units[start...].lastIndex { !$0.isSpace }.map { $0 + 1 } ?? start
    return self[start..<end]
  }

  /// The parts between separators, trimmed; empty ones included.
  func split(at isSeparator: (Unit) -> Bool) -> [Value] {
    var parts: [Value] = []
    var start = units.startIndex
    for index in units.indices where isSeparator(units[index]) {
      parts.append(self[start..<index].trimmed)
      start = index + 1
    }
    parts.append(self[start..<units.endIndex].trimmed)
    return parts
  }

  /// The parts of a list: between commas or lines. An empty part is kept where only a mistake
  /// explains it (`a,,b`); a comma at the end is none.
  var listParts: [Value] {
    var parts: [Value] = []
    for line in split(at: { $0.isMark(lineFeed) }) where !line.isEmpty {
      parts += line.split { $0.isMark(comma) }
      if parts.last?.isEmpty == true { parts.removeLast() }
    }
    return parts
  }
}
