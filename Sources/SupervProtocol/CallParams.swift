/// The params of `call` and `cast`, as ranges of the line they came in (docs/protocol.md). What is
/// passed on is not decoded.
package struct CallParams: Hashable, Sendable {
  /// The longest `method` and `task`, in bytes.
  package static let maximumTextBytes = 128
  package static let timeouts: ClosedRange<Int64> = 1...86_400_000

  /// Without its quotes; it has no escape sequences.
  package var to: Range<Int>
  /// With its quotes.
  package var method: Range<Int>
  /// Any value, null as well.
  package var params: Range<Int>?
  package var timeoutMilliseconds: Int64?
  /// With its quotes.
  package var task: Range<Int>?
  /// A string without its quotes; whether it is a traceparent is not known yet.
  package var trace: Range<Int>?

  /// - Parameter message: is only read, and not copied: that would wait for what the scan has just
  ///   stored.
  /// - Throws: `RPCError` of kind `invalid` (-32602) that names the member that does not fit.
  package init(of message: inout Message, in line: Span<UInt8>) throws(RPCError) {
    guard let object = message.params, line[object.lowerBound] == UInt8(ascii: "{") else {
      let isMissing = message.params == nil
      throw .invalidParameters(isMissing ? "'to' is missing" : "'params' must be an object")
    }
    switch message.callMembers.fault {
    case nil: break
    case .escapedName?:
      throw .invalidParameters("escape sequences in a member's name are not supported")
    case .twice(let member)?: throw .invalidParameters("'\(member)' is given twice")
    }
    try self.init(&message.callMembers, in: line)
  }

  private typealias Member = CallMembers.Member

  @inline(__always)
  private init(_ members: inout CallMembers, in line: Span<UInt8>) throws(RPCError) {
    to = try Self.string(.to, &members, line)
    if members.hasEscapes(.to) {
      throw .invalidParameters("escape sequences in 'to' are not supported")
    }
    let name = try Self.string(.method, &members, line)
    guard !name.isEmpty else { throw .invalidParameters("'method' must not be empty") }
    method = try Self.limited(name, .method, line)
    params = members[.params]
    if let timeout = Self.given(.timeoutMilliseconds, &members, line) {
      timeoutMilliseconds = try Self.timeout(timeout, line)
    }
    if Self.given(.task, &members, line) != nil {
      task = try Self.limited(try Self.string(.task, &members, line), .task, line)
    }
    // One that is not valid counts as none.
    if let text = members[.trace], text.count > 2, line[text.lowerBound] == UInt8(ascii: "\"") {
      trace = text.lowerBound &+ 1..<text.upperBound &- 1
    }
  }

  /// Present, and not null.
  @inline(__always)
  private static func given(
    _ member: Member, _ members: inout CallMembers, _ line: Span<UInt8>
  ) -> Range<Int>? {
    guard let value = members[member], line[value.lowerBound] != UInt8(ascii: "n") else {
      return nil
    }
    return value
  }

  /// The inside of a string that has to be there.
  @inline(__always)
  private static func string(
    _ member: Member, _ members: inout CallMembers, _ line: Span<UInt8>
  ) throws(RPCError) -> Range<Int> {
    guard let value = members[member] else {
      throw .invalidParameters("'\(member)' is missing")
    }
    guard line[value.lowerBound] == UInt8(ascii: "\"") else {
      throw .invalidParameters("'\(member)' must be a string")
    }
    return value.lowerBound &+ 1..<value.upperBound &- 1
  }

  /// - Returns: the string with its quotes.
  @inline(__always)
  private static func limited(
    _ inside: Range<Int>, _ member: Member, _ line: Span<UInt8>
  ) throws(RPCError) -> Range<Int> {
    let whole = inside.lowerBound &- 1..<inside.upperBound &+ 1
    // Escape sequences make it longer than what it means.
    if inside.count > maximumTextBytes { try checkMeaning(of: whole, member, line) }
    return whole
  }

  private static func checkMeaning(
    of whole: Range<Int>, _ member: Member, _ line: Span<UInt8>
  ) throws(RPCError) {
    let meant = try JSON.decode(String.self, from: line.extracting(whole))
    guard meant.utf8.count <= maximumTextBytes else {
      throw .invalidParameters("'\(member)' may have \(maximumTextBytes) bytes at most")
    }
  }

  @inline(__always)
  private static func timeout(
    _ value: Range<Int>, _ line: Span<UInt8>
  ) throws(RPCError) -> Int64 {
    var number: Int64 = 0
    for index in value {
      guard JSONGrammar.isDigit(line[index]), number <= timeouts.upperBound else {
        number = 0
        break
      }
      number = number &* 10 &+ Int64(line[index] &- UInt8(ascii: "0"))
    }
    guard timeouts.contains(number) else {
      throw .invalidParameters(
        "'timeout_ms' must be a whole number from \(timeouts.lowerBound) to \(timeouts.upperBound)")
    }
    return number
  }
}
