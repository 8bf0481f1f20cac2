/// Takes the members of one object, in one walk that also proves them to be JSON.
protocol MemberScan {
  /// Of the object: 1 for the outermost.
  static var depth: Int { get }

  /// Moves past the value of a member and keeps what it wants of it.
  ///
  /// - Parameter index: where the value begins.
  mutating func take(
    _ key: JSONGrammar.Key, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault)
}

extension MemberScan {
  /// Moves past the object that begins at `index`.
  @inline(__always)
  mutating func scanObject(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    index &+= 1
    JSONGrammar.skipWhitespace(line, &index)
    if index < line.count && line[index] == UInt8(ascii: "}") {
      index &+= 1
    } else {
      try scanMembers(line, &index)
    }
  }

  /// Moves past the rest of an object, which is not empty; the next member begins at `index`.
  @inline(__always)
  mutating func scanMembers(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    repeat {
      JSONGrammar.skipWhitespace(line, &index)
      guard index < line.count, line[index] == UInt8(ascii: "\"") else {
        if index == line.count && Self.depth > 1 { throw JSONGrammar.ended(line) }
        throw JSONFault(offset: index, explanation: "expected a key in quotes")
      }
      let key = try JSONGrammar.readKey(line, &index)
      try JSONGrammar.skipColon(line, &index)
      JSONGrammar.skipWhitespace(line, &index)
      try take(key, line, &index)
    } while try Self.hasNext(line, &index)
  }

  /// Moves past what follows a member: a comma and there are more, or the end of the object.
  @inline(__always)
  static func hasNext(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) -> Bool {
    JSONGrammar.skipWhitespace(line, &index)
    guard index < line.count else { throw JSONGrammar.ended(line) }
    index &+= 1
    switch line[index &- 1] {
    case UInt8(ascii: ","): return true
    case UInt8(ascii: "}"): return false
    default: throw JSONFault(offset: index &- 1, explanation: "expected ',' or '}'")
    }
  }
}

/// A range that may be missing, in eight bytes where `Range<Int>?` takes 24.
struct Slice {
  private let start: UInt32
  private let end: UInt32

  static let none = Slice(from: 0, to: 0)

  @inline(__always)
  init(from start: Int, to end: Int) { (self.start, self.end) = (UInt32(start), UInt32(end)) }

  var isThere: Bool { end > 0 }
  var range: Range<Int>? { isThere ? Int(start)..<Int(end) : nil }
}
