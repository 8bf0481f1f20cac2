// Looking for bytes eight at a time, as memchr(3) does.
//
// In each test a byte of the result has its high bit set where the byte looked at is one of those
// looked for. A borrow can set bits above a true mark, never below: the lowest one is exact.

private let ones: UInt64 = 0x0101_0101_0101_0101
private let highBits: UInt64 = ones &* 0x80

private func marks(of byte: UInt8, in word: UInt64) -> UInt64 {
  let difference = word ^ (ones &* UInt64(byte))
  return (difference &- ones) & ~difference & highBits
}

/// The index of the first quote or backslash at or after `start`; the end where there is none.
func firstQuoteOrBackslash(in bytes: Span<UInt8>, from start: Int) -> Int {
  var index = start
  while index &+ 8 <= bytes.count {
    let word = load(bytes, index)
    let found = marks(of: UInt8(ascii: "\""), in: word) | marks(of: UInt8(ascii: "\\"), in: word)
    if found != 0 { return index &+ found.trailingZeroBitCount / 8 }
    index &+= 8
  }
  while index < bytes.count {
    if bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "\\") { return index }
    index &+= 1
  }
  return index
}

/// The index of the first byte at or after `start` that is more to a JSON string than a plain
/// ASCII character: a quote, a backslash, a control character, or part of a longer one. Within the
/// last eight bytes it may come too early.
func firstSpecial(in bytes: Span<UInt8>, from start: Int) -> Int {
  var index = start
  while index &+ 8 <= bytes.count {
    let word = load(bytes, index)
    let controls = (word &- ones &* 0x20) & ~word
    let found =
      marks(of: UInt8(ascii: "\""), in: word) | marks(of: UInt8(ascii: "\\"), in: word)
      | (controls | word) & highBits
    if found != 0 { return index &+ found.trailingZeroBitCount / 8 }
    index &+= 8
  }
  return index
}

private func load(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
  UInt64(
    littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
}
