/// JSON text that grows while values encode themselves. Nothing else is made of them in between,
/// so that a line costs what its bytes cost, and a long one leaves no heap of small things behind.
///
/// The containers of an `Encoder` are never told that they are done. Here one is as soon as what
/// is around it goes on; so each knows how many levels are open while it is the innermost.
final class JSONDraft {
  private struct Level {
    let isObject: Bool
    /// Behind its bracket.
    let start: Int
    let firstMember: Int
  }

  /// Where a member of an object begins, and its name ends; both are at its quotes.
  private struct Member {
    let start: Int
    let nameEnd: Int
  }

  private(set) var bytes: [UInt8] = []
  /// Those that are open, the innermost last.
  private var levels: [Level] = []
  /// Of all open objects, those of the innermost last.
  private var members: [Member] = []

  /// Appends one value to `text`; on a throw, nothing.
  static func append(_ value: some Encodable, to text: inout [UInt8]) throws {
    let draft = JSONDraft()
    let count = text.count
    swap(&draft.bytes, &text)
    defer { swap(&draft.bytes, &text) }
    do {
      try draft.write(value)
    } catch {
      draft.bytes.removeLast(draft.bytes.count - count)
      throw error
    }
  }

  var depth: Int { levels.count }

  // MARK: Values

  func write(_ value: some Encodable) throws {
    let (depth, count) = (depth, bytes.count)
    try value.encode(to: DraftEncoder(self))
    close(to: depth)
    // It has nothing to say, not even that it is an object.
    if bytes.count == count { raw("{}") }
  }

  func writeText(_ text: String) { JSON.append(text, to: &bytes) }

  func writeInteger(_ number: some FixedWidthInteger) {
    JSON.append(anyInteger: number, to: &bytes)
  }

  /// - Throws: when it is infinite or no number: JSON has no such thing.
  func writeNumber(_ number: some BinaryFloatingPoint & CustomStringConvertible) throws {
    guard number.isFinite else {
      throw EncodingError.invalidValue(
        number, .init(codingPath: [], debugDescription: "JSON has no \(number)"))
    }
    let text = number.description.utf8
    bytes.append(contentsOf: number.description.hasSuffix(".0") ? text.dropLast(2) : text[...])
  }

  func raw(_ text: StaticString) {
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  // MARK: Levels

  func open(isObject: Bool) {
    bytes.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    levels.append(Level(isObject: isObject, start: bytes.count, firstMember: members.count))
  }

  /// Begins a member of the object that is at this depth, or an element of the array.
  func begin(_ name: (any CodingKey)? = nil, at depth: Int) {
    close(to: depth)
    if bytes.count > levels[depth - 1].start { bytes.append(UInt8(ascii: ",")) }
    guard let name else { return }
    let start = bytes.count
    writeText(name.stringValue)
    members.append(Member(start: start, nameEnd: bytes.count - 1))
    bytes.append(UInt8(ascii: ":"))
  }

  func close(to depth: Int) {
    while levels.count > depth {
      let level = levels.removeLast()
      if level.isObject {
        sortMembers(of: level)
        members.removeLast(members.count - level.firstMember)
      }
      bytes.append(level.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    }
  }

  /// Puts the members into the order of their names.
  private func sortMembers(of level: Level) {
    let own = members[level.firstMember...]
    if zip(own, own.dropFirst()).allSatisfy({ !isBefore($1, $0) }) { return }
    var pieces: [(member: Member, end: Int)] = []
    for index in own.indices {
      // In front of the comma.
      let end = index + 1 < own.endIndex ? own[index + 1].start - 1 : bytes.count
      pieces.append((own[index], end))
    }
    pieces.sort { isBefore($0.member, $1.member) }
    var sorted: [UInt8] = []
    sorted.reserveCapacity(bytes.count - level.start)
    for piece in pieces {
      if !sorted.isEmpty { sorted.append(UInt8(ascii: ",")) }
      sorted += bytes[piece.member.start..<piece.end]
    }
    bytes.replaceSubrange(level.start..., with: sorted)
  }

  private func isBefore(_ left: Member, _ right: Member) -> Bool {
    bytes[left.start + 1..<left.nameEnd]
      .lexicographicallyPrecedes(bytes[right.start + 1..<right.nameEnd])
  }
}

// MARK: - What the compiler's coders write to

/// A place for one value, which has not begun.
private struct DraftEncoder: Encoder, SingleValueEncodingContainer {
  let draft: JSONDraft
  private let depth: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ draft: JSONDraft) {
    self.draft = draft
    depth = draft.depth
  }

  /// One level however often it is asked for.
  private func open(isObject: Bool) -> Int {
    draft.close(to: depth + 1)
    if draft.depth == depth { draft.open(isObject: isObject) }
    return depth + 1
  }

  func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(DraftObject(draft, depth: open(isObject: true)))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    DraftArray(draft, depth: open(isObject: false))
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { draft.raw("null") }
  func encode(_ value: Bool) { draft.raw(value ? "true" : "false") }
  func encode(_ value: String) { draft.writeText(value) }
  func encode(_ value: Double) throws { try draft.writeNumber(value) }
  func encode(_ value: Float) throws { try draft.writeNumber(value) }
  func encode<Value: Encodable & FixedWidthInteger>(_ value: Value) { draft.writeInteger(value) }
  func encode<Value: Encodable>(_ value: Value) throws { try draft.write(value) }
}

private struct DraftObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
  private let draft: JSONDraft
  private let depth: Int
  var codingPath: [any CodingKey] { [] }

  init(_ draft: JSONDraft, depth: Int) {
    self.draft = draft
    self.depth = depth
  }

  func encodeNil(forKey key: Key) {
    draft.begin(key, at: depth)
    draft.raw("null")
  }

  func encode(_ value: String, forKey key: Key) {
    draft.begin(key, at: depth)
    draft.writeText(value)
  }

  func encode<Value: Encodable & FixedWidthInteger>(_ value: Value, forKey key: Key) {
    draft.begin(key, at: depth)
    draft.writeInteger(value)
  }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    draft.begin(key, at: depth)
    try draft.write(value)
  }

  func nestedContainer<Inner: CodingKey>(
    keyedBy type: Inner.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Inner> {
    draft.begin(key, at: depth)
    return DraftEncoder(draft).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    draft.begin(key, at: depth)
    return DraftEncoder(draft).unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    draft.begin(SuperKey(), at: depth)
    return DraftEncoder(draft)
  }

  func superEncoder(forKey key: Key) -> any Encoder {
    draft.begin(key, at: depth)
    return DraftEncoder(draft)
  }
}

private struct DraftArray: UnkeyedEncodingContainer {
  private let draft: JSONDraft
  private let depth: Int
  private(set) var count = 0
  var codingPath: [any CodingKey] { [] }

  init(_ draft: JSONDraft, depth: Int) {
    self.draft = draft
    self.depth = depth
  }

  private mutating func begin() {
    draft.begin(at: depth)
    count += 1
  }

  mutating func encodeNil() {
    begin()
    draft.raw("null")
  }

  mutating func encode<Value: Encodable>(_ value: Value) throws {
    begin()
    try draft.write(value)
  }

  mutating func nestedContainer<Key: CodingKey>(
    keyedBy type: Key.Type
  ) -> KeyedEncodingContainer<Key> {
    begin()
    return DraftEncoder(draft).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    begin()
    return DraftEncoder(draft).unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder {
    begin()
    return DraftEncoder(draft)
  }
}

private struct SuperKey: CodingKey {
  var stringValue: String { "super" }
  var intValue: Int? { nil }

  init() {}
  init?(stringValue: String) { nil }
  init?(intValue: Int) { nil }
}
