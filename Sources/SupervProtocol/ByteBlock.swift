// Looking for bytes sixteen at a time, in the vectors that every processor with 64 bits has.

/// Sixteen bytes of a text.
struct ByteBlock {
  static let byteCount = 16

  fileprivate typealias Bytes = SIMD16<Int8>

  private let bytes: Bytes

  /// The bytes from `index` on, which have to be there.
  @inline(__always)
  init(_ text: Span<UInt8>, at index: Int) {
    bytes = unsafe text.bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: index, as: Bytes.self)
  }

  /// What is more to a JSON string than a plain ASCII character: a quote, a backslash, a control
  /// character, or part of a longer one.
  @inline(__always)
  var specials: Marks {
    // As signed numbers, the parts of longer characters are negative: below 0x20 as controls are.
    let others = bytes .< Bytes(repeating: 0x20)
    return Marks(others) | marks(of: UInt8(ascii: "\"")) | marks(of: UInt8(ascii: "\\"))
  }

  @inline(__always)
  func marks(of byte: UInt8) -> Marks {
    Marks(bytes .== Bytes(repeating: Int8(bitPattern: byte)))
  }

  /// Some of the bytes of a block.
  struct Marks {
    /// Of each byte all bits or none, the first byte lowest.
    private let words: SIMD2<UInt64>

    @inline(__always)
    fileprivate init(_ mask: SIMDMask<Bytes>) {
      words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    }

    @inline(__always)
    private init(_ words: SIMD2<UInt64>) { self.words = words }

    @inline(__always)
    static func | (one: Self, other: Self) -> Self { Self(one.words | other.words) }

    @inline(__always)
    var isEmpty: Bool { words[0] | words[1] == 0 }

    /// Which byte is the first of them; where there is none, the number of all.
    @inline(__always)
    var first: Int {
      if words[0] != 0 { return words[0].trailingZeroBitCount / 8 }
      return 8 &+ words[1].trailingZeroBitCount / 8
    }

    /// The first of them that is not among so many bytes at the beginning of the block.
    @inline(__always)
    func first(from byte: Int) -> Int {
      let all = unsafe unsafeBitCast(words, to: UInt128.self)
      let rest = all >> UInt128(truncatingIfNeeded: 8 &* byte)
      return byte &+ rest.trailingZeroBitCount / 8
    }
  }
}

/// The index of the first character at or after `start` that is special in a JSON string; the end
/// of the text where there is none.
@inline(__always)
func firstSpecial(in text: Span<UInt8>, from start: Int) -> Int {
  var index = start
  while index &+ ByteBlock.byteCount <= text.count {
    let marks = ByteBlock(text, at: index).specials
    if !marks.isEmpty { return index &+ marks.first }
    index &+= ByteBlock.byteCount
  }
  let last = text.count &- ByteBlock.byteCount
  guard last >= 0 else { return firstSpecialInShort(text, from: index) }
  // The end once more, with some of what comes before it.
  return min(text.count, last &+ ByteBlock(text, at: last).specials.first(from: index &- last))
}

private func firstSpecialInShort(_ text: Span<UInt8>, from start: Int) -> Int {
  var index = start
  while index < text.count, text[index] >= 0x20, text[index] < 0x80,
    text[index] != UInt8(ascii: "\""), text[index] != UInt8(ascii: "\\")
  {
    index &+= 1
  }
  return index
}

/// The index of the first LF at or after `start`.
func firstNewline(in text: Span<UInt8>, from start: Int) -> Int? {
  let size = ByteBlock.byteCount
  var index = start
  // Four blocks at a time, until it is in one of them.
  while index &+ 4 &* size <= text.count {
    let first = newlines(text, index) | newlines(text, index &+ size)
    let second = newlines(text, index &+ 2 &* size) | newlines(text, index &+ 3 &* size)
    guard (first | second).isEmpty else { break }
    index &+= 4 &* size
  }
  while index &+ size <= text.count {
    let marks = newlines(text, index)
    if !marks.isEmpty { return index &+ marks.first }
    index &+= size
  }
  while index < text.count {
    if text[index] == UInt8(ascii: "\n") { return index }
    index &+= 1
  }
  return nil
}

@inline(__always)
private func newlines(_ text: Span<UInt8>, _ index: Int) -> ByteBlock.Marks {
  ByteBlock(text, at: index).marks(of: UInt8(ascii: "\n"))
}
