// Looking for bytes eight at a time, as memchr(3) does, and two words of them where there are.
//
// In each test a byte of the result has its high bit set where the byte looked at is one of those
// looked for. A borrow can set bits above a true mark, never below: the lowest one is exact.

private let ones: UInt64 = 0x0101_0101_0101_0101
private let highBits: UInt64 = ones &* 0x80

/// Marks what is more to a JSON string than a plain ASCII character: a quote, a backslash, a
/// control character, or part of a longer one.
///
/// Subtraction also marks what has its high bit set already; all of that is looked for anyway.
@inline(__always)
func marksOfSpecials(in word: UInt64) -> UInt64 {
  // With that bit turned over the quote is 0x20, just above the control characters.
  let quotesAndControls = (word ^ ones &* 0x02) &- ones &* 0x21
  let backslashes = (word ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
  return (quotesAndControls | backslashes | word) & highBits
}

/// The index of the first byte at or after `start` that `marksOfSpecials` marks. Within the last
/// sixteen bytes it may come too early.
@inline(__always)
func firstSpecial(in bytes: Span<UInt8>, from start: Int) -> Int {
  var index = start
  while index &+ 16 <= bytes.count {
    let first = marksOfSpecials(in: load(bytes, index))
    let second = marksOfSpecials(in: load(bytes, index &+ 8))
    if first | second != 0 {
      if first != 0 { return index &+ first.trailingZeroBitCount / 8 }
      return index &+ 8 &+ second.trailingZeroBitCount / 8
    }
    index &+= 16
  }
  if index &+ 8 <= bytes.count {
    let marks = marksOfSpecials(in: load(bytes, index))
    return index &+ marks.trailingZeroBitCount / 8
  }
  return index
}

/// The index of the first LF at or after `start`.
func firstNewline(in bytes: Span<UInt8>, from start: Int) -> Int? {
  var index = start
  while index &+ 16 <= bytes.count {
    let first = marksOfNewlines(in: load(bytes, index))
    let second = marksOfNewlines(in: load(bytes, index &+ 8))
    if first | second != 0 {
      if first != 0 { return index &+ first.trailingZeroBitCount / 8 }
      return index &+ 8 &+ second.trailingZeroBitCount / 8
    }
    index &+= 16
  }
  while index < bytes.count {
    if bytes[index] == UInt8(ascii: "\n") { return index }
    index &+= 1
  }
  return nil
}

@inline(__always)
private func marksOfNewlines(in word: UInt64) -> UInt64 {
  let difference = word ^ ones &* UInt64(UInt8(ascii: "\n"))
  return (difference &- ones) & ~difference & highBits
}

/// The eight bytes from `index` on, which have to be there; the first one is the lowest.
@inline(__always)
func load(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
  UInt64(
    littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
}
