/// Up to sixteen bytes in two words, so that a name is known by comparing numbers. No two texts are
/// equal: there is no zero byte in what the grammar passes.
struct ShortText: Equatable {
  /// The first eight bytes, the first one lowest.
  let low: UInt64
  let high: UInt64

  /// What has an escape sequence, or is longer than all names: equal to no name.
  static let other = ShortText(low: 0, high: 0)

  private init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// A constant: the compiler makes two numbers of it, up to about ten bytes.
  @inline(__always)
  init(_ name: StaticString) {
    var (low, high) = (0 as UInt64, 0 as UInt64)
    for index in 0..<name.utf8CodeUnitCount {
      let byte = unsafe UInt64(name.utf8Start[index])
      if index < 8 { low |= byte << (8 &* index) } else { high |= byte << (8 &* (index &- 8)) }
    }
    self.init(low: low, high: high)
  }

  /// A range of the bytes, where it is short enough.
  init(_ range: Range<Int>, in bytes: Span<UInt8>) {
    let (start, count) = (range.lowerBound, range.count)
    if count > 16 {
      self = .other
    } else if start &+ 16 <= bytes.count {
      self.init(
        low: Self.lowest(count, of: load(bytes, start)),
        high: Self.lowest(count &- 8, of: load(bytes, start &+ 8)))
    } else {
      var words = (low: 0 as UInt64, high: 0 as UInt64)
      for index in range.reversed() {
        words.high = words.high << 8 | words.low >> 56
        words.low = words.low << 8 | UInt64(bytes[index])
      }
      self.init(low: words.low, high: words.high)
    }
  }

  @inline(__always)
  private static func lowest(_ count: Int, of word: UInt64) -> UInt64 {
    if count <= 0 { return 0 }
    return count >= 8 ? word : word & (1 << UInt64(8 &* count) &- 1)
  }
}

/// The eight bytes from `index` on, which have to be there; the first one is the lowest.
@inline(__always)
func load(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
  UInt64(
    littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
}
