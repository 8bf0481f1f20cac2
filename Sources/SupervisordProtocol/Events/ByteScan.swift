// Bulk work on bytes: looked for many at a time, copied by the stretch.

extension Span where Element == UInt8 {
  /// The index of the first such byte at or after `start`, sixteen looked at at a time.
  func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let pattern = ones &* UInt64(byte)
    // The high bit of each byte that is the one looked for. A borrow can set bits above a true
    // mark, never below: the lowest one is exact.
    func marks(at index: Int) -> UInt64 {
      let word = unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let difference = UInt64(littleEndian: word) ^ pattern
      return (difference &- ones) & ~difference & (ones &* 0x80)
    }
    var index = start
    while index &+ 16 <= count {
      let (first, second) = (marks(at: index), marks(at: index &+ 8))
      if first | second != 0 {
        return first != 0
          ? index &+ first.trailingZeroBitCount / 8
          : index &+ 8 &+ second.trailingZeroBitCount / 8
      }
      index &+= 16
    }
    while index < count {
      if self[index] == byte { return index }
      index &+= 1
    }
    return nil
  }
}

extension [UInt8] {
  mutating func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
