// Strings, numbers and words of RFC 8259, with the UTF-8 of RFC 3629 checked.

extension JSONGrammar {
  /// Moves past a string, quotes included. Returns whether it has escape sequences.
  @inline(__always)
  static func skipString(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) -> Bool {
    let start = index &+ 1
    if start &+ ByteBlock.byteCount <= bytes.count {
      // Most strings end in here.
      let end = start &+ ByteBlock(bytes, at: start).specials.first
      if byte(bytes, end) == UInt8(ascii: "\"") {
        index = end &+ 1
        return false
      }
    }
    let (end, hasEscapes) = try endOfAnyString(bytes, start)
    index = end
    return hasEscapes
  }

  /// - Parameter start: behind the opening quote.
  private static func endOfAnyString(
    _ bytes: Span<UInt8>, _ start: Int
  ) throws(JSONFault) -> (end: Int, hasEscapes: Bool) {
    var index = start
    var hasEscapes = false
    while true {
      index = firstSpecial(in: bytes, from: index)
      let special = byte(bytes, index)
      if special == UInt8(ascii: "\"") {
        return (index &+ 1, hasEscapes)
      } else if special >= 0x80 {
        index = try endOfMultibyteCharacter(bytes, index)
      } else if special == UInt8(ascii: "\\") {
        hasEscapes = true
        index = try endOfEscape(bytes, index)
      } else {
        throw fault(bytes, index, "a control character in a string")
      }
    }
  }

  private static func endOfEscape(
    _ bytes: Span<UInt8>, _ index: Int
  ) throws(JSONFault) -> Int {
    guard index &+ 1 < bytes.count else { throw ended(bytes) }
    switch bytes[index &+ 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return index &+ 2
    case UInt8(ascii: "u"):
      guard index &+ 6 <= bytes.count else { throw ended(bytes) }
      for digit in index &+ 2..<index &+ 6 where !isHexadecimal(bytes[digit]) {
        throw JSONFault(offset: digit, explanation: "expected four hexadecimal digits")
      }
      return index &+ 6
    default: throw JSONFault(offset: index, explanation: "an unknown escape sequence")
    }
  }

  /// The table of well-formed byte sequences, RFC 3629 section 4: no overlong forms, no surrogates,
  /// nothing above U+10FFFF.
  private static func endOfMultibyteCharacter(
    _ bytes: Span<UInt8>, _ index: Int
  ) throws(JSONFault) -> Int {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[index] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: length = 3
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw JSONFault(offset: index, explanation: "not UTF-8")
    }
    guard index &+ length <= bytes.count, second.contains(bytes[index &+ 1]) else {
      throw JSONFault(offset: index, explanation: "not UTF-8")
    }
    for offset in 2..<max(length, 2) where bytes[index &+ offset] & 0xC0 != 0x80 {
      throw JSONFault(offset: index, explanation: "not UTF-8")
    }
    return index &+ length
  }

  @inline(__always)
  static func skipNumber(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    let start = index
    while isDigit(byte(bytes, index)) { index &+= 1 }
    // Most numbers are done with here.
    let next = byte(bytes, index)
    if index > start, bytes[start] != UInt8(ascii: "0"),
      next == UInt8(ascii: ",") || next == UInt8(ascii: "}")
    {
      return
    }
    index = try endOfAnyNumber(bytes, start)
  }

  private static func endOfAnyNumber(
    _ bytes: Span<UInt8>, _ start: Int
  ) throws(JSONFault) -> Int {
    var index = start
    if bytes[index] == UInt8(ascii: "-") { index &+= 1 }
    if index < bytes.count && bytes[index] == UInt8(ascii: "0") {
      index &+= 1
    } else {
      try skipDigits(bytes, &index)
    }
    if index < bytes.count && bytes[index] == UInt8(ascii: ".") {
      index &+= 1
      try skipDigits(bytes, &index)
    }
    if index < bytes.count && bytes[index] | 0x20 == UInt8(ascii: "e") {
      index &+= 1
      if index < bytes.count
        && (bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-"))
      {
        index &+= 1
      }
      try skipDigits(bytes, &index)
    }
    return index
  }

  private static func skipDigits(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    let start = index
    while index < bytes.count && isDigit(bytes[index]) { index &+= 1 }
    guard index > start else { throw JSONFault(offset: start, explanation: "expected a digit") }
  }

  static func skipWord(
    _ word: StaticString, _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    let end = index &+ word.utf8CodeUnitCount
    guard end <= bytes.count, ShortText(index..<end, in: bytes) == ShortText(word) else {
      throw JSONFault(offset: index, explanation: "expected '\(word)'")
    }
    index = end
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6
  }
}
