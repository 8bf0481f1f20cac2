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

  /// - Parameter object: The params of a message that the scanner has passed.
  /// - Throws: `RPCError` of kind `invalid` (-32602) that names the member that does not fit.
  package static func scan(
    _ object: Range<Int>?, in line: Span<UInt8>
  ) throws(RPCError) -> CallParams {
    guard let object, line[object.lowerBound] == UInt8(ascii: "{") else {
      throw .invalidParameters(object == nil ? "'to' is missing" : "'params' must be an object")
    }
    var ranges = Ranges(repeating: 0..<0)
    var cursor = MemberCursor(object: object)
    while let (key, value) = cursor.next(in: line) {
      guard let member = try Member(key, in: line) else { continue }
      guard ranges[member.rawValue].isEmpty else {
        throw .invalidParameters("'\(member)' is given twice")
      }
      ranges[member.rawValue] = value
    }
    return try CallParams(ranges, in: line)
  }

  private typealias Ranges = InlineArray<6, Range<Int>>

  private init(_ ranges: Ranges, in line: Span<UInt8>) throws(RPCError) {
    to = try Self.string(.to, ranges, line)
    for index in to where line[index] == UInt8(ascii: "\\") {
      throw .invalidParameters("escape sequences in 'to' are not supported")
    }
    let name = try Self.string(.method, ranges, line)
    guard !name.isEmpty else { throw .invalidParameters("'method' must not be empty") }
    method = try Self.limited(name, .method, line)
    let value = ranges[Member.params.rawValue]
    params = value.isEmpty ? nil : value
    if Self.isGiven(.timeoutMilliseconds, ranges, line) {
      timeoutMilliseconds = try Self.timeout(ranges[Member.timeoutMilliseconds.rawValue], line)
    }
    if Self.isGiven(.task, ranges, line) {
      task = try Self.limited(try Self.string(.task, ranges, line), .task, line)
    }
    let text = ranges[Member.trace.rawValue]
    // One that is not valid counts as none.
    if text.count > 2, line[text.lowerBound] == UInt8(ascii: "\"") {
      trace = text.lowerBound &+ 1..<text.upperBound &- 1
    }
  }

  /// Present, and not null.
  private static func isGiven(
    _ member: Member, _ ranges: Ranges, _ line: Span<UInt8>
  ) -> Bool {
    let value = ranges[member.rawValue]
    return !value.isEmpty && line[value.lowerBound] != UInt8(ascii: "n")
  }

  /// The inside of a string that has to be there.
  private static func string(
    _ member: Member, _ ranges: Ranges, _ line: Span<UInt8>
  ) throws(RPCError) -> Range<Int> {
    let value = ranges[member.rawValue]
    guard !value.isEmpty else { throw .invalidParameters("'\(member)' is missing") }
    guard line[value.lowerBound] == UInt8(ascii: "\"") else {
      throw .invalidParameters("'\(member)' must be a string")
    }
    return value.lowerBound &+ 1..<value.upperBound &- 1
  }

  /// - Returns: the string with its quotes.
  private static func limited(
    _ inside: Range<Int>, _ member: Member, _ line: Span<UInt8>
  ) throws(RPCError) -> Range<Int> {
    let whole = inside.lowerBound &- 1..<inside.upperBound &+ 1
    // Escape sequences make it longer than what it means.
    if inside.count > maximumTextBytes {
      let meant = try JSON.decode(String.self, from: line.extracting(whole))
      guard meant.utf8.count <= maximumTextBytes else {
        throw .invalidParameters("'\(member)' may have \(maximumTextBytes) bytes at most")
      }
    }
    return whole
  }

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

/// The members that `call` knows.
private enum Member: Int, CustomStringConvertible {
  case to, method, params, timeoutMilliseconds, task, trace

  var description: String { "\(name)" }

  private var name: StaticString {
    switch self {
    case .to: "to"
    case .method: "method"
    case .params: "params"
    case .timeoutMilliseconds: "timeout_ms"
    case .task: "task"
    case .trace: "trace"
    }
  }

  /// By length and first letter: no String is made for a key.
  ///
  /// - Throws: `RPCError` when the key has escape sequences, for the sake of those who read the
  ///   same line and decode them.
  init?(_ key: Range<Int>, in line: Span<UInt8>) throws(RPCError) {
    for index in key where line[index] == UInt8(ascii: "\\") {
      throw .invalidParameters("escape sequences in a member's name are not supported")
    }
    guard let first = key.first else { return nil }
    let candidate: Self
    switch (key.count, line[first]) {
    case (2, UInt8(ascii: "t")): candidate = .to
    case (4, UInt8(ascii: "t")): candidate = .task
    case (5, UInt8(ascii: "t")): candidate = .trace
    case (6, UInt8(ascii: "m")): candidate = .method
    case (6, UInt8(ascii: "p")): candidate = .params
    case (10, UInt8(ascii: "t")): candidate = .timeoutMilliseconds
    default: return nil
    }
    guard JSONGrammar.equals(key, candidate.name, in: line) else { return nil }
    self = candidate
  }
}
