/// A JSON text that grows at its end, and the containers that are open there.
///
/// Every container remembers how deep it lies; writing to one closes those that were opened inside
/// it, which is how a nested container ends without saying so.
final class JSONText {
  private(set) var bytes: [UInt8]
  /// The closing bracket of each open container, outermost first.
  private var closers: [UInt8] = []
  private var isAtStartOfContainer = true

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var depth: Int { closers.count }

  func write(_ value: some Encodable) {
    let outerDepth = depth
    let start = bytes.count
    do {
      try value.encode(to: JSONTextEncoder(text: self, codingPath: []))
    } catch {
      preconditionFailure("\(type(of: value)) throws while it is encoded: \(error)")
    }
    close(to: outerDepth)
    if bytes.count == start { append("null") }
  }

  func append(_ text: StaticString) {
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  func append(number: some CustomStringConvertible) {
    bytes.append(contentsOf: number.description.utf8)
  }

  func append(string: String) { JSON.append(string, to: &bytes) }

  func open(_ bracket: StaticString, closer: Unicode.Scalar) {
    append(bracket)
    closers.append(UInt8(ascii: closer))
    isAtStartOfContainer = true
  }

  func close(to depth: Int) {
    while closers.count > depth {
      bytes.append(closers.removeLast())
      isAtStartOfContainer = false
    }
  }

  /// Prepares for the next value of the container at `depth`.
  func beginElement(at depth: Int) {
    close(to: depth)
    if !isAtStartOfContainer { append(",") }
    isAtStartOfContainer = false
  }

  func beginMember(_ key: String, at depth: Int) {
    beginElement(at: depth)
    append(string: key)
    append(":")
  }
}

/// Writes one value at the end of a text.
struct JSONTextEncoder: Encoder, SingleValueEncodingContainer {
  let text: JSONText
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    text.open("{", closer: "}")
    return KeyedEncodingContainer(
      JSONMembers<Key>(text: text, codingPath: codingPath, depth: text.depth))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    text.open("[", closer: "]")
    return JSONElements(text: text, codingPath: codingPath, depth: text.depth)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { text.append("null") }
  func encode(_ value: Bool) { text.append(value ? "true" : "false") }
  func encode(_ value: String) { text.append(string: value) }
  /// JSON has no word for infinity or "not a number"; null is what JavaScript writes.
  func encode(_ value: Double) {
    value.isFinite ? text.append(number: value) : encodeNil()
  }
  func encode(_ value: Float) { encode(Double(value)) }
  func encode<Integer: FixedWidthInteger & Encodable>(_ value: Integer) {
    text.append(number: value)
  }
  func encode<Value: Encodable>(_ value: Value) { text.write(value) }
}

/// The members of an object.
struct JSONMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let text: JSONText
  let codingPath: [any CodingKey]
  let depth: Int

  func encodeNil(forKey key: Key) {
    text.beginMember(key.stringValue, at: depth)
    text.append("null")
  }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) {
    text.beginMember(key.stringValue, at: depth)
    text.write(value)
  }

  func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) {
    encodeOrNull(value, key)
  }

  // The standard library has a default for each of these, which would win over the generic method
  // above and leave nil out.
  func encodeIfPresent(_ value: Bool?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Double?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) { encodeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) { encodeOrNull(value, key) }

  private func encodeOrNull<Value: Encodable>(_ value: Value?, _ key: Key) {
    if let value { encode(value, forKey: key) } else { encodeNil(forKey: key) }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    text.beginMember(key.stringValue, at: depth)
    return JSONTextEncoder(text: text, codingPath: codingPath + [key]).container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    text.beginMember(key.stringValue, at: depth)
    return JSONTextEncoder(text: text, codingPath: codingPath + [key]).unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    text.beginMember("super", at: depth)
    return JSONTextEncoder(text: text, codingPath: codingPath)
  }

  func superEncoder(forKey key: Key) -> any Encoder {
    text.beginMember(key.stringValue, at: depth)
    return JSONTextEncoder(text: text, codingPath: codingPath + [key])
  }
}

/// The elements of an array.
struct JSONElements: UnkeyedEncodingContainer {
  let text: JSONText
  let codingPath: [any CodingKey]
  let depth: Int
  private(set) var count = 0

  init(text: JSONText, codingPath: [any CodingKey], depth: Int) {
    self.text = text
    self.codingPath = codingPath
    self.depth = depth
  }

  mutating func encodeNil() { beginElement().encodeNil() }
  mutating func encode<Value: Encodable>(_ value: Value) { beginElement().encode(value) }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    beginElement().container(keyedBy: keyType)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    beginElement().unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { beginElement() }

  private mutating func beginElement() -> JSONTextEncoder {
    text.beginElement(at: depth)
    count += 1
    return JSONTextEncoder(text: text, codingPath: codingPath)
  }
}
