// The grammar of RFC 8259 over bytes: finds where a value ends and proves on the way that it is
// one, without building anything. Nothing here recurses, so no input can exhaust the stack.

/// Where a text stops being JSON, and why.
package struct JSONFault: Error, Hashable, Sendable {
  /// The offset of the offending byte.
  package var offset: Int
  package var explanation: String
}

enum JSONGrammar {
  /// The deepest nesting of arrays and objects.
  static let maximumDepth = 128

  /// The byte at `index`; at the end of the text 0, which is nowhere in JSON.
  @inline(__always)
  static func byte(_ bytes: Span<UInt8>, _ index: Int) -> UInt8 {
    guard UInt(bitPattern: index) < UInt(bitPattern: bytes.count) else { return 0 }
    return unsafe bytes[unchecked: index]
  }

  @inline(__always)
  static func skipWhitespace(_ bytes: Span<UInt8>, _ index: inout Int) {
    while byte(bytes, index) <= 0x20 {
      switch byte(bytes, index) {
      case 0x20, 0x0A, 0x0D, 0x09: index &+= 1
      default: return
      }
    }
  }

  /// Moves past one value, which begins at `index`.
  ///
  /// - Parameter outerDepth: of the containers around it.
  /// - Returns: whether it is a string with escape sequences.
  @inline(__always)
  @discardableResult
  static func skipValue(
    _ bytes: Span<UInt8>, _ index: inout Int, depth outerDepth: Int
  ) throws(JSONFault) -> Bool {
    let first = byte(bytes, index)
    if first == UInt8(ascii: "\"") { return try skipString(bytes, &index) }
    if isDigit(first) {
      try skipNumber(bytes, &index)
    } else {
      index = try endOfAnyValue(bytes, index, outerDepth)
    }
    return false
  }

  private static func endOfAnyValue(
    _ bytes: Span<UInt8>, _ start: Int, _ outerDepth: Int
  ) throws(JSONFault) -> Int {
    var index = start
    var containers = ContainerStack(outerDepth: outerDepth)
    repeat {
      try skipValueStart(bytes, &index, &containers)
    } while try moveToNextValue(bytes, &index, &containers)
    return index
  }

  /// Moves past a scalar, an empty container, or the opening of a container up to its first value.
  @inline(__always)
  private static func skipValueStart(
    _ bytes: Span<UInt8>, _ index: inout Int, _ containers: inout ContainerStack
  ) throws(JSONFault) {
    while true {
      skipWhitespace(bytes, &index)
      switch byte(bytes, index) {
      case UInt8(ascii: "{"):
        try containers.push(isObject: true, at: index)
        index &+= 1
        skipWhitespace(bytes, &index)
        if byte(bytes, index) == UInt8(ascii: "}") { return }
        try skipKey(bytes, &index)
      case UInt8(ascii: "["):
        try containers.push(isObject: false, at: index)
        index &+= 1
        skipWhitespace(bytes, &index)
        if byte(bytes, index) == UInt8(ascii: "]") { return }
      case UInt8(ascii: "\""):
        _ = try skipString(bytes, &index)
        return
      case UInt8(ascii: "t"): return try skipWord("true", bytes, &index)
      case UInt8(ascii: "f"): return try skipWord("false", bytes, &index)
      case UInt8(ascii: "n"): return try skipWord("null", bytes, &index)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        return try skipNumber(bytes, &index)
      default: throw fault(bytes, index, "expected a value")
      }
    }
  }

  /// After a value: closes what ends here. True when a comma leads to another value.
  @inline(__always)
  private static func moveToNextValue(
    _ bytes: Span<UInt8>, _ index: inout Int, _ containers: inout ContainerStack
  ) throws(JSONFault) -> Bool {
    while !containers.isEmpty {
      skipWhitespace(bytes, &index)
      let isObject = containers.isInObject
      switch byte(bytes, index) {
      case UInt8(ascii: ","):
        index &+= 1
        if isObject { try skipKey(bytes, &index) }
        return true
      case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
        index &+= 1
        containers.pop()
      default: throw fault(bytes, index, isObject ? "expected ',' or '}'" : "expected ',' or ']'")
      }
    }
    return false
  }

  /// Moves past the key of a member, its colon included.
  @inline(__always)
  private static func skipKey(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    skipWhitespace(bytes, &index)
    guard byte(bytes, index) == UInt8(ascii: "\"") else {
      throw fault(bytes, index, "expected a key in quotes")
    }
    _ = try skipString(bytes, &index)
    try skipColon(bytes, &index)
  }

  @inline(__always)
  static func skipColon(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    skipWhitespace(bytes, &index)
    guard byte(bytes, index) == UInt8(ascii: ":") else {
      throw fault(bytes, index, "expected ':'")
    }
    index &+= 1
  }

  /// What was expected at `index` is not there.
  static func fault(_ bytes: Span<UInt8>, _ index: Int, _ explanation: String) -> JSONFault {
    index < bytes.count ? JSONFault(offset: index, explanation: explanation) : ended(bytes)
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

  @inline(__always)
  mutating func push(isObject: Bool, at offset: Int) throws(JSONFault) {
    guard count &+ outerDepth < JSONGrammar.maximumDepth else {
      throw JSONFault(
        offset: offset, explanation: "nested deeper than \(JSONGrammar.maximumDepth) levels")
    }
    bits = bits << 1 | (isObject ? 1 : 0)
    count &+= 1
  }

  @inline(__always)
  mutating func pop() {
    bits >>= 1
    count &-= 1
  }
}
