/// Takes the members of one object, in one walk that also proves them to be JSON.
protocol MemberScan {
  /// The members that are known.
  associatedtype Member

  /// Of the object: 1 for the outermost.
  static var depth: Int { get }

  /// The member that has a name, which only the caller knows.
  static func member(where isNamed: (StaticString) -> Bool) -> Member?

  /// Moves past the value of a member and keeps what it wants of it.
  ///
  /// - Parameter index: where the value begins.
  mutating func take(
    _ key: MemberKey<Member>, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault)
}

/// A member's name, as far as it is known.
struct MemberKey<Member> {
  let member: Member?
  var hasEscapes = false
}

extension MemberScan {
  /// - Parameter start: of the object.
  /// - Returns: its end.
  mutating func scanObject(_ line: Span<UInt8>, _ start: Int) throws(JSONFault) -> Int {
    var index = start &+ 1
    JSONGrammar.skipWhitespace(line, &index)
    if JSONGrammar.byte(line, index) == UInt8(ascii: "}") { return index &+ 1 }
    try scanMembers(line, &index)
    return index
  }

  /// Moves past the rest of an object, which is not empty; the next member begins at `index`.
  @inline(__always)
  mutating func scanMembers(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    repeat {
      JSONGrammar.skipWhitespace(line, &index)
      var key = Self.readUsualKey(line, &index)
      if key == nil { (key, index) = try Self.readKey(line, index) }
      JSONGrammar.skipWhitespace(line, &index)
      if let key { try take(key, line, &index) }
    } while try Self.hasNext(line, &index)
  }

  /// Moves past a known name with its colon, as nearly all are written.
  ///
  /// - Returns: nil where there is something else, and nothing was skipped.
  @inline(__always)
  private static func readUsualKey(
    _ line: Span<UInt8>, _ index: inout Int
  ) -> MemberKey<Member>? {
    guard index &+ UsualKey.maximumBytes <= line.count else { return nil }
    let (low, high) = (load(line, index), load(line, index &+ 8))
    var byteCount = 0
    let member = Self.member { name in
      let key = UsualKey(name)
      guard key.begins(low, high) else { return false }
      byteCount = key.byteCount
      return true
    }
    guard let member else { return nil }
    index &+= byteCount
    return MemberKey(member: member)
  }

  /// Reads any name with its colon.
  private static func readKey(
    _ line: Span<UInt8>, _ start: Int
  ) throws(JSONFault) -> (key: MemberKey<Member>, end: Int) {
    guard JSONGrammar.byte(line, start) == UInt8(ascii: "\"") else {
      if start == line.count && Self.depth > 1 { throw JSONGrammar.ended(line) }
      throw JSONFault(offset: start, explanation: "expected a key in quotes")
    }
    var index = start
    let hasEscapes = try JSONGrammar.skipString(line, &index)
    let name = ShortText(start &+ 1..<index &- 1, in: line)
    try JSONGrammar.skipColon(line, &index)
    let member = hasEscapes ? nil : Self.member { name == ShortText($0) }
    return (MemberKey(member: member, hasEscapes: hasEscapes), index)
  }

  /// Moves past what follows a member: a comma and there are more, or the end of the object.
  @inline(__always)
  static func hasNext(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) -> Bool {
    JSONGrammar.skipWhitespace(line, &index)
    switch JSONGrammar.byte(line, index) {
    case UInt8(ascii: ","):
      index &+= 1
      return true
    case UInt8(ascii: "}"):
      index &+= 1
      return false
    default: throw JSONGrammar.fault(line, index, "expected ',' or '}'")
    }
  }
}

/// A name with its quotes and a colon right behind them, known by comparing two words.
private struct UsualKey {
  static let maximumBytes = 16

  private let low: UInt64
  private let high: UInt64
  let byteCount: Int

  /// - Parameter name: a constant of at most thirteen bytes: the compiler makes two numbers of it.
  @inline(__always)
  init(_ name: StaticString) {
    byteCount = name.utf8CodeUnitCount &+ 3
    let text = ShortText(name)
    let (quote, colon) = (UInt64(UInt8(ascii: "\"")), UInt64(UInt8(ascii: ":")))
    let ending = quote | colon << 8
    low = text.low << 8 | quote | Self.shifted(ending, to: byteCount &- 2)
    high = text.high << 8 | text.low >> 56 | Self.shifted(ending, to: byteCount &- 10)
  }

  /// The two bytes of a word that come to stand at a place in another one, or none of them.
  @inline(__always)
  private static func shifted(_ bytes: UInt64, to place: Int) -> UInt64 {
    // Shifts of more than 63 bits leave nothing; those of less than 0 go the other way.
    bytes << (8 &* place)
  }

  @inline(__always)
  func begins(_ low: UInt64, _ high: UInt64) -> Bool {
    low & mask(byteCount) == self.low && high & mask(byteCount &- 8) == self.high
  }

  /// The lowest so many bytes of a word.
  @inline(__always)
  private func mask(_ count: Int) -> UInt64 { ~(UInt64.max << (8 &* max(0, count))) }
}

/// A range that may be missing, in eight bytes where `Range<Int>?` takes 24.
struct Slice {
  private let start: UInt32
  /// The highest bit: whether it is a string with escape sequences.
  private let end: UInt32

  static let none = Slice(from: 0, to: 0)
  private static let escapesBit: UInt32 = 1 << 31

  @inline(__always)
  init(from start: Int, to end: Int, hasEscapes: Bool = false) {
    precondition(end < Self.escapesBit, "a line is shorter than 2 GiB")
    self.start = UInt32(truncatingIfNeeded: start)
    self.end = UInt32(truncatingIfNeeded: end) | (hasEscapes ? Self.escapesBit : 0)
  }

  var isThere: Bool { end > 0 }
  var hasEscapes: Bool { end & Self.escapesBit != 0 }
  var range: Range<Int>? {
    isThere ? Int(start)..<Int(end & ~Self.escapesBit) : nil
  }
}
