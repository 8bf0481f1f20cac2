// The grammar of RFC 8259 over bytes: finds where a value ends and proves on the way that it is
// one, without building anything. Nothing here recurses, so no input can exhaust the stack.

/// Where a text stops being JSON, and why.
package struct JSONFault: Error, Hashable, Sendable {
  /// The offset of the offending byte.
  package var offset: Int
  package var explanation: String
}

enum JSONGrammar {
  /// A member's name, good for telling which one of those that somebody knows.
  struct Key {
    let name: ShortText
    let hasEscapes: Bool
  }

  /// The deepest nesting of arrays and objects.
  static let maximumDepth = 128

  @inline(__always)
  static func skipWhitespace(_ bytes: Span<UInt8>, _ index: inout Int) {
    while index < bytes.count, bytes[index] <= 0x20 {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index &+= 1
      default: return
      }
    }
  }

  /// Moves past one value, which begins at `index`.
  ///
  /// - Parameter outerDepth: of the containers around it.
  @inline(__always)
  static func skipValue(
    _ bytes: Span<UInt8>, _ index: inout Int, depth outerDepth: Int
  ) throws(JSONFault) {
    if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
      _ = try skipString(bytes, &index)
    } else if index < bytes.count, isDigit(bytes[index]) {
      try skipNumber(bytes, &index)
    } else {
      try skipAnyValue(bytes, &index, outerDepth)
    }
  }

  private static func skipAnyValue(
    _ bytes: Span<UInt8>, _ index: inout Int, _ outerDepth: Int
  ) throws(JSONFault) {
    var containers = ContainerStack(outerDepth: outerDepth)
    repeat {
      try skipValueStart(bytes, &index, &containers)
    } while try moveToNextValue(bytes, &index, &containers)
  }

  /// Moves past a scalar, an empty container, or the opening of a container up to its first value.
  private static func skipValueStart(
    _ bytes: Span<UInt8>, _ index: inout Int, _ containers: inout ContainerStack
  ) throws(JSONFault) {
    while true {
      skipWhitespace(bytes, &index)
      guard index < bytes.count else { throw ended(bytes) }
      switch bytes[index] {
      case UInt8(ascii: "{"):
        try containers.push(isObject: true, at: index)
        index &+= 1
        skipWhitespace(bytes, &index)
        if index < bytes.count && bytes[index] == UInt8(ascii: "}") { return }
        try skipKey(bytes, &index)
      case UInt8(ascii: "["):
        try containers.push(isObject: false, at: index)
        index &+= 1
        skipWhitespace(bytes, &index)
        if index < bytes.count && bytes[index] == UInt8(ascii: "]") { return }
      case UInt8(ascii: "\""):
        _ = try skipString(bytes, &index)
        return
      case UInt8(ascii: "t"): return try skipWord("true", bytes, &index)
      case UInt8(ascii: "f"): return try skipWord("false", bytes, &index)
      case UInt8(ascii: "n"): return try skipWord("null", bytes, &index)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        return try skipNumber(bytes, &index)
      default: throw JSONFault(offset: index, explanation: "expected a value")
      }
    }
  }

  /// After a value: closes what ends here. True when a comma leads to another value.
  private static func moveToNextValue(
    _ bytes: Span<UInt8>, _ index: inout Int, _ containers: inout ContainerStack
  ) throws(JSONFault) -> Bool {
    while !containers.isEmpty {
      skipWhitespace(bytes, &index)
      guard index < bytes.count else { throw ended(bytes) }
      let isObject = containers.isInObject
      switch bytes[index] {
      case UInt8(ascii: ","):
        index &+= 1
        if isObject { try skipKey(bytes, &index) }
        return true
      case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
        index &+= 1
        containers.pop()
      default:
        let closer = isObject ? "}" : "]"
        throw JSONFault(offset: index, explanation: "expected ',' or '\(closer)'")
      }
    }
    return false
  }

  /// Moves past the key of a member, its colon included.
  private static func skipKey(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    skipWhitespace(bytes, &index)
    guard index < bytes.count else { throw ended(bytes) }
    guard bytes[index] == UInt8(ascii: "\"") else {
      throw JSONFault(offset: index, explanation: "expected a key in quotes")
    }
    _ = try skipString(bytes, &index)
    try skipColon(bytes, &index)
  }

  /// Moves past a key, which begins at `index` with its quote.
  @inline(__always)
  static func readKey(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) -> Key {
    if let name = skipShortString(bytes, &index) { return Key(name: name, hasEscapes: false) }
    return try readLongKey(bytes, &index)
  }

  private static func readLongKey(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) -> Key {
    let start = index &+ 1
    let hasEscapes = try skipString(bytes, &index)
    let name = hasEscapes ? ShortText.other : ShortText(start..<index &- 1, in: bytes)
    return Key(name: name, hasEscapes: hasEscapes)
  }

  @inline(__always)
  static func skipColon(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    skipWhitespace(bytes, &index)
    guard index < bytes.count else { throw ended(bytes) }
    guard bytes[index] == UInt8(ascii: ":") else {
      throw JSONFault(offset: index, explanation: "expected ':'")
    }
    index &+= 1
  }

  static func ended(_ bytes: Span<UInt8>) -> JSONFault {
    JSONFault(offset: bytes.count, explanation: "the text ends too early")
  }
}

/// Which containers are open, innermost in the lowest bit: set for an object.
private struct ContainerStack {
  private var bits: UInt128 = 0
  private var count = 0
  private let outerDepth: Int

  init(outerDepth: Int) { self.outerDepth = outerDepth }

  var isEmpty: Bool { count == 0 }
  var isInObject: Bool { bits & 1 == 1 }

  mutating func push(isObject: Bool, at offset: Int) throws(JSONFault) {
    guard count &+ outerDepth < JSONGrammar.maximumDepth else {
      throw JSONFault(
        offset: offset, explanation: "nested deeper than \(JSONGrammar.maximumDepth) levels")
    }
    bits = bits << 1 | (isObject ? 1 : 0)
    count &+= 1
  }

  mutating func pop() {
    bits >>= 1
    count &-= 1
  }
}
