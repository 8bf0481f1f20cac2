/// Takes the members of one object, in one walk that also proves them to be JSON.
protocol MemberScan {
  /// The members that are known.
  associatedtype Member

  /// Of the object: 1 for the outermost.
  static var depth: Int { get }

  /// The member that has this name.
  static func member(named name: inout some MemberName) -> Member?

  /// Moves past the value of a member and keeps what it wants of it.
  ///
  /// - Parameter index: where the value begins.
  mutating func take(
    _ key: MemberKey<Member>, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault)
}

/// A name in a line, which is compared with those that are known. (No closure: those are called
/// for every name, where this is inlined.)
protocol MemberName {
  mutating func isSame(as known: StaticString) -> Bool
}

/// What came before the value of a member.
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
    var key = UsualKey(line, index)
    guard let member = Self.member(named: &key) else { return nil }
    index &+= key.byteCount
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
    var name = ShortText(start &+ 1..<index &- 1, in: line)
    try JSONGrammar.skipColon(line, &index)
    let member = hasEscapes ? nil : Self.member(named: &name)
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
private struct UsualKey: MemberName {
  static let maximumBytes = 16

  private let low: UInt64
  private let high: UInt64
  /// Of the name that it is the same as.
  private(set) var byteCount = 0

  /// - Parameter index: of its first quote; as many bytes as there may be have to follow.
  @inline(__always)
  init(_ line: Span<UInt8>, _ index: Int) {
    low = load(line, index)
    high = load(line, index &+ 8)
  }

  /// - Parameter known: a constant of at most thirteen bytes: the compiler makes two numbers of it.
  @inline(__always)
  mutating func isSame(as known: StaticString) -> Bool {
    byteCount = known.utf8CodeUnitCount &+ 3
    let text = ShortText(known)
    let (quote, colon) = (UInt64(UInt8(ascii: "\"")), UInt64(UInt8(ascii: ":")))
    // Shifts by more than 63 bits leave nothing, and those by less than 0 go the other way.
    let ending = quote | colon << 8
    let knownLow = text.low << 8 | quote | ending << (8 &* (byteCount &- 2))
    let knownHigh = text.high << 8 | text.low >> 56 | ending << (8 &* (byteCount &- 10))
    return low & Self.mask(byteCount) == knownLow && high & Self.mask(byteCount &- 8) == knownHigh
  }

  /// The lowest so many bytes of a word.
  @inline(__always)
  private static func mask(_ count: Int) -> UInt64 { ~(UInt64.max << (8 &* max(0, count))) }
}

extension ShortText: MemberName {
  @inline(__always)
  func isSame(as known: StaticString) -> Bool { self == ShortText(known) }
}

/// A range that may be missing, in eight bytes where `Range<Int>?` takes 24.
@usableFromInline
struct Slice: Sendable {
  /// From its start (in the lower half) to its end. The highest bit: whether it is a string with
  /// escape sequences. All in one number, so that what was just written can be read at once.
  @usableFromInline let bits: UInt64

  static var none: Slice { Slice(from: 0, to: 0) }
  @usableFromInline static var escapesBit: UInt64 { 1 << 63 }

  @inline(__always)
  init(from start: Int, to end: Int, hasEscapes: Bool = false) {
    precondition(end < 1 << 31, "a line is shorter than 2 GiB")
    let ends = UInt64(truncatingIfNeeded: end) << 32 | UInt64(truncatingIfNeeded: start)
    bits = ends | (hasEscapes ? Self.escapesBit : 0)
  }

  /// Nothing that is there ends where the line begins.
  @inlinable @inline(__always)
  var isThere: Bool { bits != 0 }
  @inline(__always)
  var hasEscapes: Bool { bits & Self.escapesBit != 0 }
  @inlinable @inline(__always)
  var range: Range<Int>? {
    let end = (bits & ~Self.escapesBit) >> 32
    return isThere ? Int(bits & 0xFFFF_FFFF)..<Int(end) : nil
  }
}
