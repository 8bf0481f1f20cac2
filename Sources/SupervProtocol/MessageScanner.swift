/// One JSON-RPC 2.0 message, as ranges of the line it came in. Nothing inside is decoded.
package struct Message: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// `id` and `method`: wants one answer.
    case request
    /// `method` alone: wants none.
    case notification
    /// `id` and `result`.
    case result
    /// `error`, with the `id` of the request or null.
    case error
  }

  package var kind: Kind
  /// A number, or a string with its quotes, as it came; nil when absent or null.
  package var id: Range<Int>?
  /// The method's name, without its quotes.
  package var method: Range<Int>?
  /// An object or an array; nil when absent or null.
  package var params: Range<Int>?
  package var result: Range<Int>?
  package var error: Range<Int>?

  /// The id when it is an integer of 64 bits.
  package func integerID(in line: Span<UInt8>) -> Int64? {
    id.flatMap { Int64(text(of: $0, in: line)) }
  }

  package func methodName(in line: Span<UInt8>) -> String? {
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
  package static let maximumIDBytes = 128

  /// - Throws: `MessageFault` with -32700 (not JSON) or -32600 (not a message).
  package static func scan(_ line: Span<UInt8>) throws(MessageFault) -> Message {
    let envelope: Envelope
    do {
      envelope = try Envelope(scanning: line)
    } catch {
      let message = "not JSON: \(error.explanation) (byte \(error.offset + 1))"
      throw MessageFault(error: .parseError(message), id: nil)
    }
    do {
      return try envelope.message(in: line)
    } catch {
      let id = envelope.hasUsableID(in: line) ? envelope[.id] : nil
      throw MessageFault(error: .invalidRequest(error.explanation), id: id)
    }
  }
}

/// Why a JSON text is not a JSON-RPC message.
private struct EnvelopeFault: Error {
  var explanation: String
}

/// The members of the top-level object that JSON-RPC knows.
private struct Envelope {
  enum Field: Int {
    case jsonrpc, id, method, params, result, error

    var name: StaticString {
      switch self {
      case .jsonrpc: "jsonrpc"
      case .id: "id"
      case .method: "method"
      case .params: "params"
      case .result: "result"
      case .error: "error"
      }
    }
  }

  private var ranges: [6 of Range<Int>?] = .init(repeating: nil)
  /// The first thing that makes a valid JSON text an invalid message.
  private var fault: EnvelopeFault?

  subscript(field: Field) -> Range<Int>? { ranges[field.rawValue] }

  init(scanning line: Span<UInt8>) throws(JSONFault) {
    var index = 0
    JSONGrammar.skipWhitespace(line, &index)
    if index < line.count && line[index] == UInt8(ascii: "{") {
      try scanMembers(line, &index)
    } else {
      let isBatch = index < line.count && line[index] == UInt8(ascii: "[")
      try JSONGrammar.skipValue(line, &index)
      fault = EnvelopeFault(
        explanation: isBatch ? "batches are not supported" : "a message is a JSON object")
    }
    JSONGrammar.skipWhitespace(line, &index)
    guard index == line.count else {
      throw JSONFault(offset: index, explanation: "more text after the message")
    }
  }

  private mutating func scanMembers(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    index &+= 1
    JSONGrammar.skipWhitespace(line, &index)
    if index < line.count && line[index] == UInt8(ascii: "}") {
      index &+= 1
      return
    }
    while true {
      try scanMember(line, &index)
      JSONGrammar.skipWhitespace(line, &index)
      guard index < line.count else { throw JSONGrammar.ended(line) }
      index &+= 1
      switch line[index &- 1] {
      case UInt8(ascii: ","): continue
      case UInt8(ascii: "}"): return
      default: throw JSONFault(offset: index &- 1, explanation: "expected ',' or '}'")
      }
    }
  }

  private mutating func scanMember(_ line: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    JSONGrammar.skipWhitespace(line, &index)
    guard index < line.count, line[index] == UInt8(ascii: "\"") else {
      throw JSONFault(offset: index, explanation: "expected a key in quotes")
    }
    let keyStart = index &+ 1
    let hasEscapes = try JSONGrammar.skipString(line, &index)
    let key = keyStart..<index &- 1
    try JSONGrammar.skipColon(line, &index)
    JSONGrammar.skipWhitespace(line, &index)
    let valueStart = index
    try JSONGrammar.skipValue(line, &index, depth: 1)
    if hasEscapes {
      note("escape sequences in a member's name are not supported")
    } else if let field = Field(key, in: line) {
      if self[field] != nil { note("'\(field.name)' is given twice") }
      ranges[field.rawValue] = valueStart..<index
    }
  }

  private mutating func note(_ explanation: String) {
    if fault == nil { fault = EnvelopeFault(explanation: explanation) }
  }

  /// Decides what kind of message this is (JSON-RPC 2.0, sections 4 and 5).
  func message(in line: Span<UInt8>) throws(EnvelopeFault) -> Message {
    if let fault { throw fault }
    guard let version = self[.jsonrpc], isVersion2(version, in: line) else {
      throw EnvelopeFault(explanation: "'jsonrpc' must be \"2.0\"")
    }
    let id = isNull(.id, in: line) ? nil : self[.id]
    if id != nil && !hasUsableID(in: line) {
      throw EnvelopeFault(
        explanation:
          "'id' must be a string or a number of at most \(MessageScanner.maximumIDBytes) bytes")
    }
    if let method = self[.method] { return try call(of: method, id: id, in: line) }
    switch (self[.result], self[.error]) {
    case (let result?, nil):
      guard id != nil else { throw EnvelopeFault(explanation: "a result without an 'id'") }
      return Message(kind: .result, id: id, result: result)
    case (nil, let error?):
      return Message(kind: .error, id: id, error: error)
    case (nil, nil):
      throw EnvelopeFault(explanation: "one of 'method', 'result' and 'error' is required")
    case (_?, _?):
      throw EnvelopeFault(explanation: "'result' and 'error' exclude each other")
    }
  }

  private func isVersion2(_ value: Range<Int>, in line: Span<UInt8>) -> Bool {
    value.count == 5 && line[value.lowerBound &+ 1] == UInt8(ascii: "2")
      && line[value.lowerBound &+ 2] == UInt8(ascii: ".")
      && line[value.lowerBound &+ 3] == UInt8(ascii: "0")
      && line[value.lowerBound] == UInt8(ascii: "\"")
  }

  private func call(
    of method: Range<Int>, id: Range<Int>?, in line: Span<UInt8>
  ) throws(EnvelopeFault) -> Message {
    guard self[.result] == nil && self[.error] == nil else {
      throw EnvelopeFault(explanation: "'method' excludes 'result' and 'error'")
    }
    guard line[method.lowerBound] == UInt8(ascii: "\""), method.count > 2 else {
      throw EnvelopeFault(explanation: "'method' must be a string that is not empty")
    }
    let name = method.lowerBound + 1..<method.upperBound - 1
    for index in name where line[index] == UInt8(ascii: "\\") {
      throw EnvelopeFault(explanation: "escape sequences in 'method' are not supported")
    }
    guard self[.id] == nil || id != nil else {
      throw EnvelopeFault(explanation: "the 'id' of a request must not be null")
    }
    let params = isNull(.params, in: line) ? nil : self[.params]
    if let params {
      let first = line[params.lowerBound]
      guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
        throw EnvelopeFault(explanation: "'params' must be an object or an array")
      }
    }
    return Message(
      kind: id == nil ? .notification : .request, id: id, method: name, params: params)
  }

  /// Whether there is an `id` that an answer can repeat.
  func hasUsableID(in line: Span<UInt8>) -> Bool {
    guard let id = self[.id], id.count <= MessageScanner.maximumIDBytes else { return false }
    let first = line[id.lowerBound]
    return first == UInt8(ascii: "\"") || first == UInt8(ascii: "-") || JSONGrammar.isDigit(first)
  }

  private func isNull(_ field: Field, in line: Span<UInt8>) -> Bool {
    self[field].map { line[$0.lowerBound] == UInt8(ascii: "n") } ?? false
  }
}

extension Envelope.Field {
  /// By length and first letter: no String is made for a key.
  fileprivate init?(_ key: Range<Int>, in line: Span<UInt8>) {
    guard let first = key.first else { return nil }
    let candidate: Self
    switch (key.count, line[first]) {
    case (2, UInt8(ascii: "i")): candidate = .id
    case (5, UInt8(ascii: "e")): candidate = .error
    case (6, UInt8(ascii: "m")): candidate = .method
    case (6, UInt8(ascii: "p")): candidate = .params
    case (6, UInt8(ascii: "r")): candidate = .result
    case (7, UInt8(ascii: "j")): candidate = .jsonrpc
    default: return nil
    }
    guard isEqual(key, candidate.name, in: line) else { return nil }
    self = candidate
  }
}

/// Whether a range that is as long as `name` has the same bytes.
func isEqual(_ range: Range<Int>, _ name: StaticString, in line: Span<UInt8>) -> Bool {
  var offset = 0
  while offset < range.count {
    let expected = unsafe name.utf8Start[offset]
    guard line[range.lowerBound &+ offset] == expected else { return false }
    offset &+= 1
  }
  return true
}

/// The bytes of a range as a String; they are UTF-8 where the grammar has passed them.
package func text(of range: Range<Int>, in line: Span<UInt8>) -> String {
  let bytes = line.extracting(range)
  return unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
}
