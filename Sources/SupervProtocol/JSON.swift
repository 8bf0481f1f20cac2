import FoundationEssentials

/// JSON text from values, and back by Foundation's decoder.
///
/// Members stand in the order of their names, so that the same value is always the same text. A
/// member that is to be null when there is nothing is declared with `@OrNull`.
package enum JSON {
  /// The value on one line, without a newline.
  package static func encode(_ value: some Encodable) -> [UInt8] {
    var bytes: [UInt8] = []
    append(value, to: &bytes)
    return bytes
  }

  /// Appends the value on one line, without a newline.
  package static func append(_ value: some Encodable, to bytes: inout [UInt8]) {
    do {
      try JSONDraft.append(value, to: &bytes)
    } catch {
      // Only a number that is none (infinity) has no JSON; the daemon must not end because of it.
      bytes.append(contentsOf: "null".utf8)
    }
  }

  /// Appends a number in decimal digits.
  package static func append(integer: Int64, to bytes: inout [UInt8]) {
    append(anyInteger: integer, to: &bytes)
  }

  /// The same for one without a sign.
  package static func append(integer: UInt64, to bytes: inout [UInt8]) {
    append(anyInteger: integer, to: &bytes)
  }

  // Not for other modules: there it would go through tables of each digit's type.
  static func append(anyInteger integer: some FixedWidthInteger, to bytes: inout [UInt8]) {
    if integer < 0 { bytes.append(UInt8(ascii: "-")) }
    var rest = integer.magnitude
    let start = bytes.count
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }

  /// Appends a string in quotes, escaped as RFC 8259 requires and no further.
  package static func append(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var string = string
    string.withUTF8 { text in
      // What needs no escape is copied as it stands.
      var start = 0
      for index in text.indices where unsafe mustEscape(text[index]) {
        unsafe bytes.append(contentsOf: text[start..<index])
        unsafe appendEscaped(text[index], to: &bytes)
        start = index + 1
      }
      unsafe bytes.append(contentsOf: text[start...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func mustEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
    if byte < 0x20 { return append(byte, to: &bytes) }
    bytes.append(UInt8(ascii: "\\"))
    bytes.append(byte)
  }

  /// Appends a string for people: on one line, with controls escaped as in JSON, and no quotes.
  package static func appendOnOneLine(_ string: String, to bytes: inout [UInt8]) {
    for byte in string.utf8 { append(byte, to: &bytes) }
  }

  private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\n"): bytes += Array(#"\n"#.utf8)
    case UInt8(ascii: "\r"): bytes += Array(#"\r"#.utf8)
    case UInt8(ascii: "\t"): bytes += Array(#"\t"#.utf8)
    case 0..<0x20:
      let digits = String(byte, radix: 16)
      bytes += Array((digits.utf8.count == 1 ? #"\u000"# : #"\u00"#).utf8) + Array(digits.utf8)
    default: bytes.append(byte)
    }
  }

  /// Proves that a text is one JSON value in UTF-8, with white space around it or not.
  ///
  /// - Parameter outerDepth: How many arrays and objects it is going to stand in.
  /// - Throws: `JSONFault`; also where it would be nested deeper than messages may be.
  package static func check(_ text: Span<UInt8>, outerDepth: Int = 0) throws(JSONFault) {
    var index = 0
    try JSONGrammar.skipValue(text, &index, depth: outerDepth)
    JSONGrammar.skipWhitespace(text, &index)
    guard index == text.count else {
      throw JSONFault(offset: index, explanation: "more text after the value")
    }
  }

  /// Reads a value.
  ///
  /// - Throws: `RPCError` of kind `invalid` (-32602) that names the member that does not fit.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: Span<UInt8>
  ) throws(RPCError) -> Value {
    let data = unsafe bytes.withUnsafeBufferPointer { unsafe Data(buffer: $0) }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
      throw .invalidParameters(explanation(of: error))
    } catch let error as RPCError {
      throw error
    } catch {
      throw .invalidParameters("\(error)")
    }
  }

  /// Reads the params of a request; absent params are an empty object.
  ///
  /// - Throws: `RPCError` of kind `invalid` (-32602) that names the member that does not fit.
  package static func decodeParams<Value: Decodable>(
    _ type: Value.Type, of message: Message, in line: Span<UInt8>
  ) throws(RPCError) -> Value {
    guard let params = message.params else {
      let empty: [UInt8] = [UInt8(ascii: "{"), UInt8(ascii: "}")]
      return try decode(type, from: empty.span)
    }
    return try decode(type, from: line.extracting(params))
  }

  private static func explanation(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      "'\(path(context.codingPath + [key]))' is missing"
    case .valueNotFound(_, let context):
      "'\(path(context.codingPath))' must not be null"
    case .typeMismatch(let type, let context):
      context.codingPath.isEmpty
        ? "it is not an object" : "'\(path(context.codingPath))' is not of type \(type)"
    case .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? context.debugDescription : "'\(path(context.codingPath))' has an unknown value"
    @unknown default: "\(error)"
    }
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }
}
