/// Writes bytes from anywhere as the inside of a JSON string (RFC 8259, section 7).
///
/// Quote, backslash and the control bytes are escaped; each ill-formed UTF-8 subsequence becomes
/// one U+FFFD, as the Unicode standard recommends (section 3.9, "maximal subpart"); all else is
/// copied.
enum JSONText {
  /// What one byte can grow to: `\u0000`.
  static let mostBytesPerByte = 6

  /// Writes the escaped form of `count` bytes.
  ///
  /// Eight bytes are looked at and copied at once: `LineLimits.slackBytes` behind the source must
  /// be readable, whatever they are, and there must be room for `mostBytesPerByte * count` and as
  /// many more at `output`.
  ///
  /// - Returns: the end of what is written.
  @inline(__always)
  static func write(
    _ source: UnsafePointer<UInt8>, count: Int, to output: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var output = unsafe output
    var index = 0
    while index < count {
      let left = count &- index
      let word = unsafe UnsafeRawPointer(source + index).loadUnaligned(as: UInt64.self)
      unsafe UnsafeMutableRawPointer(output).storeBytes(of: word, as: UInt64.self)
      let marks = specialBytes(word.littleEndian)
      if marks == 0 && left >= 8 {
        unsafe output += 8
        index &+= 8
        continue
      }
      let plain = min(marks.trailingZeroBitCount &>> 3, left)
      unsafe output += plain
      index &+= plain
      guard plain < min(left, 8) else { continue }
      // Lengths are handed back rather than a pointer in and out: that would keep it in memory.
      let special = unsafe writeSpecial(source + index, available: count &- index, to: output)
      index &+= special.taken
      unsafe output += special.written
    }
    return unsafe output
  }

  /// Marks bytes below 0x20, above 0x7F, quotes and backslashes by their highest bit ("determine if
  /// a word has a byte less than n", Anderson, Bit Twiddling Hacks).
  ///
  /// The lowest mark is exact; a borrow can only raise a wrong one above a right one.
  @inline(__always)
  static func specialBytes(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let control = word &- ones &* 0x20
    let quote = (word ^ (ones &* 0x22)) &- ones
    let backslash = (word ^ (ones &* 0x5C)) &- ones
    return (control | quote | backslash | word) & highs
  }

  /// Writes what stands for the special byte, or for the UTF-8 sequence, at `source`.
  @inline(never)
  private static func writeSpecial(
    _ source: UnsafePointer<UInt8>, available: Int, to output: UnsafeMutablePointer<UInt8>
  ) -> (taken: Int, written: Int) {
    let byte = unsafe source[0]
    if byte >= 0x80 { return unsafe writeSequence(source, available: available, to: output) }
    unsafe output[0] = UInt8(ascii: "\\")
    let letter = shortEscape(byte)
    if letter != 0 {
      unsafe output[1] = letter
      return (1, 2)
    }
    unsafe output[1] = UInt8(ascii: "u")
    unsafe output[2] = UInt8(ascii: "0")
    unsafe output[3] = UInt8(ascii: "0")
    unsafe output[4] = UInt8(ascii: "0") + byte >> 4
    let low = byte & 0x0F
    unsafe output[5] = low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10
    return (1, 6)
  }

  /// The letter after the backslash, or 0 for a byte that has none.
  private static func shortEscape(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x08: UInt8(ascii: "b")
    case 0x09: UInt8(ascii: "t")
    case 0x0A: UInt8(ascii: "n")
    case 0x0C: UInt8(ascii: "f")
    case 0x0D: UInt8(ascii: "r")
    case 0x22, 0x5C: byte
    default: 0
    }
  }

  /// Copies one well-formed sequence, or writes one U+FFFD for the ill-formed part.
  private static func writeSequence(
    _ source: UnsafePointer<UInt8>, available: Int, to output: UnsafeMutablePointer<UInt8>
  ) -> (taken: Int, written: Int) {
    let (length, isWellFormed) = unsafe UTF8Sequence.measure(source, available: available)
    if isWellFormed {
      for index in 0..<length { unsafe output[index] = source[index] }
      return (length, length)
    }
    unsafe output[0] = 0xEF
    unsafe output[1] = 0xBF
    unsafe output[2] = 0xBD
    return (length, 3)
  }
}

/// The shape of UTF-8 (Unicode, table 3-7).
enum UTF8Sequence {
  /// How long the sequence that begins here is; if it is ill-formed, how long its maximal subpart.
  @inline(__always)
  static func measure(
    _ source: UnsafePointer<UInt8>, available: Int
  ) -> (length: Int, isWellFormed: Bool) {
    let first = unsafe source[0]
    let needed: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0x00...0x7F: return (1, true)
    case 0xC2...0xDF: needed = 2
    case 0xE0: (needed, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE, 0xEF: needed = 3
    case 0xED: (needed, second) = (3, 0x80...0x9F)
    case 0xF0: (needed, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: needed = 4
    case 0xF4: (needed, second) = (4, 0x80...0x8F)
    default: return (1, false)
    }
    guard available > 1, unsafe second.contains(source[1]) else { return (1, false) }
    for index in 2..<max(needed, 2) {
      guard index < available, unsafe source[index] & 0xC0 == 0x80 else { return (index, false) }
    }
    return (needed, true)
  }

  /// Where to cut a run of bytes that goes on, at `limit` or up to three bytes earlier, so that no
  /// character is cut in two. What is no UTF-8 is cut at `limit`.
  static func cut(_ source: UnsafePointer<UInt8>, at limit: Int) -> Int {
    var cut = limit
    while limit - cut < 3, cut > 1, unsafe source[cut] & 0xC0 == 0x80 { cut -= 1 }
    return unsafe source[cut] >= 0xC2 ? cut : limit
  }
}
