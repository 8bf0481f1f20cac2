// Strings, numbers and words of RFC 8259, with the UTF-8 of RFC 3629 checked.

extension JSONGrammar {
  /// Moves past a string, quotes included. Returns whether it has escape sequences.
  @inline(__always)
  static func skipString(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) -> Bool {
    try skipShortString(bytes, &index) == nil ? skipAnyString(bytes, &index) : false
  }

  /// Moves past a string with less than eight plain characters, as most are.
  ///
  /// - Returns: its text; nil where it is another string, and nothing was skipped.
  @inline(__always)
  static func skipShortString(_ bytes: Span<UInt8>, _ index: inout Int) -> ShortText? {
    let start = index &+ 1
    guard start &+ 8 <= bytes.count else { return nil }
    let word = load(bytes, start)
    let marks = marksOfSpecials(in: word)
    let end = start &+ marks.trailingZeroBitCount / 8
    guard marks != 0, bytes[end] == UInt8(ascii: "\"") else { return nil }
    index = end &+ 1
    return ShortText(of: word, before: marks)
  }

  private static func skipAnyString(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) -> Bool {
    index &+= 1
    var hasEscapes = false
    while true {
      index = firstSpecial(in: bytes, from: index)
      guard index < bytes.count else { throw ended(bytes) }
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        index &+= 1
        return hasEscapes
      } else if byte >= 0x80 {
        try skipMultibyteCharacter(bytes, &index)
      } else if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        try skipEscape(bytes, &index)
      } else if byte >= 0x20 {
        index &+= 1
      } else {
        throw JSONFault(offset: index, explanation: "a control character in a string")
      }
    }
  }

  private static func skipEscape(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    guard index &+ 1 < bytes.count else { throw ended(bytes) }
    switch bytes[index &+ 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index &+= 2
    case UInt8(ascii: "u"):
      guard index &+ 6 <= bytes.count else { throw ended(bytes) }
      for digit in index &+ 2..<index &+ 6 where !isHexadecimal(bytes[digit]) {
        throw JSONFault(offset: digit, explanation: "expected four hexadecimal digits")
      }
      index &+= 6
    default: throw JSONFault(offset: index, explanation: "an unknown escape sequence")
    }
  }

  /// The table of well-formed byte sequences, RFC 3629 section 4: no overlong forms, no surrogates,
  /// nothing above U+10FFFF.
  private static func skipMultibyteCharacter(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
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
    index &+= length
  }

  @inline(__always)
  static func skipNumber(_ bytes: Span<UInt8>, _ index: inout Int) throws(JSONFault) {
    let start = index
    while index < bytes.count && isDigit(bytes[index]) { index &+= 1 }
    // Most numbers are done with here.
    if index < bytes.count, index > start, bytes[start] != UInt8(ascii: "0"),
      bytes[index] == UInt8(ascii: ",") || bytes[index] == UInt8(ascii: "}")
    {
      return
    }
    index = start
    try skipAnyNumber(bytes, &index)
  }

  private static func skipAnyNumber(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
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
