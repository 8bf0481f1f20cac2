/// One JSON-RPC 2.0 message, as ranges of the line it came in. Nothing inside is decoded.
public struct Message: Sendable {
  public enum Kind: Hashable, Sendable {
    /// `id` and `method`: wants one answer.
    case request
    /// `method` alone: wants none.
    case notification
    /// `id` and `result`.
    case result
    /// `error`, with the `id` of the request or null.
    case error
  }

  public private(set) var kind = Kind.notification
  /// By field.
  @usableFromInline private(set) var slices = [6 of Slice](repeating: .none)
  /// Of `params`, where that is an object; otherwise of some earlier message's.
  var callMembers = CallMembers()
  private var isVersion2 = false
  /// The first thing that makes a valid JSON text an invalid message.
  private var fault: EnvelopeFault?

  /// A number, or a string with its quotes, as it came; nil when absent or null.
  @inlinable public var id: Range<Int>? { self[.id] }
  /// The method's name, without its quotes.
  @inlinable public var method: Range<Int>? { self[.method] }
  /// An object or an array; nil when absent or null.
  @inlinable public var params: Range<Int>? { self[.params] }
  @inlinable public var result: Range<Int>? { self[.result] }
  @inlinable public var error: Range<Int>? { self[.error] }

  /// One that says nothing yet.
  public init() {}

  /// Forgets everything, in place: a new one in its place would be written and then copied.
  @inline(__always)
  fileprivate mutating func reset() {
    kind = .notification
    slices = .init(repeating: .none)
    isVersion2 = false
    fault = nil
  }

  /// The id when it is an integer of 64 bits.
  public func integerID(in line: Span<UInt8>) -> Int64? {
    id.flatMap { Int64(text(of: $0, in: line)) }
  }

  public func methodName(in line: Span<UInt8>) -> String? {
    method.map { text(of: $0, in: line) }
  }
}

/// A line that is not a message, and the id to answer to where one could be read.
package struct MessageFault: Error, Hashable, Sendable {
  package var error: RPCError
  package var id: Range<Int>?
}

/// Finds the members of the JSON-RPC 2.0 envelope in a line.
///
/// The whole line is proven to be JSON in UTF-8, at most 128 levels deep. Unknown members are
/// ignored. Duplicates of known members are refused, and so are escape sequences in member and
/// method names: two readers of one line must not be able to understand it differently.
package enum MessageScanner {
  /// The longest `id`, in bytes, quotes included: it is kept for as long as the request runs.
  package static var maximumIDBytes: Int { 128 }

  /// - Throws: `MessageFault` with -32700 (not JSON) or -32600 (not a message).
  package static func scan(_ line: Span<UInt8>) throws(MessageFault) -> Message {
    var message = Message()
    try scan(line, into: &message)
    return message
  }

  /// The same where lines come in numbers: a message is written once, and not moved about.
  ///
  /// - Throws: `MessageFault` with -32700 (not JSON) or -32600 (not a message).
  package static func scan(
    _ line: Span<UInt8>, into message: inout Message
  ) throws(MessageFault) {
    message.reset()
    do {
      try message.scan(line)
    } catch {
      let text = "not JSON: \(error.explanation) (byte \(error.offset + 1))"
      throw MessageFault(error: .parseError(text), id: nil)
    }
    do {
      try message.decideKind(in: line)
    } catch {
      let id = message.hasUsableID(in: line) ? message.id : nil
      throw MessageFault(error: .invalidRequest(error.explanation), id: id)
    }
  }
}

/// Why a JSON text is not a JSON-RPC message.
private enum EnvelopeFault: Error {
  case batch, noObject, escapedName, escapedMethod, noVersion, unusableID, nullID, resultWithoutID
  case noPurpose, resultAndError, methodAndAnswer, noMethodName, scalarParams
  case twice(Message.Field)

  var explanation: String {
    switch self {
    case .batch: "batches are not supported"
    case .noObject: "a message is a JSON object"
    case .escapedName: "escape sequences in a member's name are not supported"
    case .escapedMethod: "escape sequences in 'method' are not supported"
    case .noVersion: "'jsonrpc' must be \"2.0\""
    case .unusableID:
      "'id' must be a string or a number of at most \(MessageScanner.maximumIDBytes) bytes"
    case .nullID: "the 'id' of a request must not be null"
    case .resultWithoutID: "a result without an 'id'"
    case .noPurpose: "one of 'method', 'result' and 'error' is required"
    case .resultAndError: "'result' and 'error' exclude each other"
    case .methodAndAnswer: "'method' excludes 'result' and 'error'"
    case .noMethodName: "'method' must be a string that is not empty"
    case .scalarParams: "'params' must be an object or an array"
    case .twice(let field): "'\(field)' is given twice"
    }
  }
}

extension Message: MemberScan {
  /// The members of the top-level object that JSON-RPC knows.
  @usableFromInline
  enum Field: Int, Sendable { case jsonrpc, id, method, params, result, error }

  static var depth: Int { 1 }

  @inlinable @inline(__always)
  subscript(field: Field) -> Range<Int>? { slices[field.rawValue].range }

  @inline(__always)
  fileprivate mutating func scan(_ line: Span<UInt8>) throws(JSONFault) {
    var index = 0
    if UsualStart.begins(line) {
      try scanUsual(line, &index)
    } else {
      index = try scanAny(line)
    }
    JSONGrammar.skipWhitespace(line, &index)
    guard index == line.count else {
      throw JSONFault(offset: index, explanation: "more text after the message")
    }
  }

  /// - Returns: the end of what is there.
  private mutating func scanAny(_ line: Span<UInt8>) throws(JSONFault) -> Int {
    var index = 0
    JSONGrammar.skipWhitespace(line, &index)
    let first = JSONGrammar.byte(line, index)
    if first == UInt8(ascii: "{") { return try scanObject(line, index) }
    try JSONGrammar.skipValue(line, &index, depth: 0)
    fault = first == UInt8(ascii: "[") ? .batch : .noObject
    return index
  }

  @inline(__always)
  private mutating func scanUsual(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    slices[Field.jsonrpc.rawValue] = UsualStart.version
    isVersion2 = true
    index = UsualStart.byteCount
    JSONGrammar.skipWhitespace(line, &index)
    let start = index
    try JSONGrammar.skipValue(line, &index, depth: 1)
    slices[Field.id.rawValue] = Slice(from: start, to: index)
    if try Self.hasNext(line, &index) { try scanMembers(line, &index) }
  }

  @inline(__always)
  static func member(named name: inout some MemberName) -> Field? {
    if name.isSame(as: "id") { return .id }
    if name.isSame(as: "method") { return .method }
    if name.isSame(as: "params") { return .params }
    if name.isSame(as: "result") { return .result }
    if name.isSame(as: "jsonrpc") { return .jsonrpc }
    if name.isSame(as: "error") { return .error }
    return nil
  }

  @inline(__always)
  mutating func take(
    _ key: MemberKey<Field>, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    let start = index
    var hasEscapes = false
    if key.member == .params, JSONGrammar.byte(line, index) == UInt8(ascii: "{") {
      callMembers = CallMembers()
      index = try callMembers.scanObject(line, index)
    } else {
      hasEscapes = try JSONGrammar.skipValue(line, &index, depth: Self.depth)
    }
    if let field = key.member {
      if slices[field.rawValue].isThere { note(.twice(field)) }
      slices[field.rawValue] = Slice(from: start, to: index, hasEscapes: hasEscapes)
      if field == .jsonrpc {
        isVersion2 = ShortText(start..<index, in: line) == ShortText(#""2.0""#)
      }
    } else if key.hasEscapes {
      note(.escapedName)
    }
  }

  private mutating func note(_ fault: EnvelopeFault) {
    if self.fault == nil { self.fault = fault }
  }

  /// Decides what kind of message this is (JSON-RPC 2.0, sections 4 and 5).
  @inline(__always)
  fileprivate mutating func decideKind(in line: Span<UInt8>) throws(EnvelopeFault) {
    if let fault { throw fault }
    guard isVersion2 else { throw .noVersion }
    let hasNullID = isNull(.id, in: line)
    guard hasNullID || !has(.id) || hasUsableID(in: line) else { throw .unusableID }
    if let method = self[.method] { return try becomeCall(of: method, hasNullID, in: line) }
    if hasNullID { slices[Field.id.rawValue] = .none }
    // An answer has none; what stands there under this name is unknown, and ignored.
    slices[Field.params.rawValue] = .none
    switch (has(.result), has(.error)) {
    case (true, false):
      guard has(.id) else { throw .resultWithoutID }
      kind = .result
    case (false, true): kind = .error
    case (false, false): throw .noPurpose
    case (true, true): throw .resultAndError
    }
  }

  @inline(__always)
  private mutating func becomeCall(
    of method: Range<Int>, _ hasNullID: Bool, in line: Span<UInt8>
  ) throws(EnvelopeFault) {
    guard !has(.result), !has(.error) else { throw .methodAndAnswer }
    guard line[method.lowerBound] == UInt8(ascii: "\""), method.count > 2 else {
      throw .noMethodName
    }
    let name = method.lowerBound &+ 1..<method.upperBound &- 1
    if slices[Field.method.rawValue].hasEscapes { throw .escapedMethod }
    guard !hasNullID else { throw .nullID }
    if isNull(.params, in: line) {
      slices[Field.params.rawValue] = .none
    } else if let params = self[.params] {
      let first = line[params.lowerBound]
      guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { throw .scalarParams }
    }
    slices[Field.method.rawValue] = Slice(from: name.lowerBound, to: name.upperBound)
    kind = has(.id) ? .request : .notification
  }

  private func has(_ field: Field) -> Bool { slices[field.rawValue].isThere }

  /// Whether there is an `id` that an answer can repeat.
  @inline(__always)
  fileprivate func hasUsableID(in line: Span<UInt8>) -> Bool {
    guard let id = self[.id], id.count <= MessageScanner.maximumIDBytes else { return false }
    let first = line[id.lowerBound]
    return first == UInt8(ascii: "\"") || first == UInt8(ascii: "-") || JSONGrammar.isDigit(first)
  }

  @inline(__always)
  private func isNull(_ field: Field, in line: Span<UInt8>) -> Bool {
    self[field].map { line[$0.lowerBound] == UInt8(ascii: "n") } ?? false
  }
}

/// How nearly all clients begin a message that has an id; known by comparing words.
private enum UsualStart {
  static let byteCount = 22
  static var version: Slice { Slice(from: 11, to: 16) }

  @inline(__always)
  static func begins(_ line: Span<UInt8>) -> Bool {
    line.count >= byteCount && load(line, 0) == ShortText(#"{"jsonrp"#).low
      && load(line, 8) == ShortText(#"c":"2.0""#).low
      && load(line, 14) == ShortText(#"0","id":"#).low
  }
}

/// The bytes of a range as a String; they are UTF-8 where the grammar has passed them.
package func text(of range: Range<Int>, in line: Span<UInt8>) -> String {
  let bytes = line.extracting(range)
  return unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
}
