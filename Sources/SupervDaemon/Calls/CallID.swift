/// Names one call towards its callee, and as a span in its trace: the slot that it lies in, and a
/// number that no other call has had. Written as 16 hexadecimal digits, as the parent-id of a
/// traceparent is, so that a nested call which brings the trace it was given names its outer call.
package struct CallID: Hashable, Sendable {
  /// Numbers have so many bits, slots the rest of 64.
  static let numberBits: UInt64 = 40
  static let numberMask: UInt64 = 1 << numberBits - 1
  /// The slot of what lies in none: a cast.
  static let noSlot = 1 << 24 - 1

  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  init(slot: Int, number: UInt64) {
    rawValue = UInt64(slot) << Self.numberBits | number & Self.numberMask
  }

  var slot: Int { Int(rawValue >> Self.numberBits) }
  var number: UInt64 { rawValue & Self.numberMask }

  /// Reads the `id` of an answer, quotes included; nil when superv gives no such ids.
  package init?(answer id: Range<Int>, in line: Span<UInt8>) {
    guard id.count == 18, line[id.lowerBound] == UInt8(ascii: "\""),
      let value = UInt64(sixteenDigits: id.lowerBound + 1, in: line)
    else { return nil }
    rawValue = value
  }
}

extension UInt64 {
  /// Reads 16 digits in lower case.
  @inline(__always)
  init?(sixteenDigits start: Int, in line: Span<UInt8>) {
    let digits = HexadecimalDigits(
      unsafe line.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: SIMD2<UInt64>.self))
    guard let value = digits.value else { return nil }
    self = value
  }

  /// Reads up to 16 digits in lower case, as W3C Trace Context requires.
  init?(hexadecimal digits: Range<Int>, in line: Span<UInt8>) {
    var value: UInt64 = 0
    for index in digits {
      let byte = line[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
      default: return nil
      }
      value = value << 4 | UInt64(digit)
    }
    self = value
  }
}

/// Sixteen hexadecimal digits at a time, as they stand in memory.
struct HexadecimalDigits {
  let words: SIMD2<UInt64>

  init(_ words: SIMD2<UInt64>) { self.words = words }

  @inline(__always)
  init(of value: UInt64) {
    words = SIMD2(
      Self.digits(of: value >> 32).bigEndian, Self.digits(of: value & 0xFFFF_FFFF).bigEndian)
  }

  /// Nil when they are something else than digits in lower case.
  @inline(__always)
  var value: UInt64? {
    let upper = Self.value(of: UInt64(bigEndian: words[0]))
    let value = upper << 32 | Self.value(of: UInt64(bigEndian: words[1]))
    let proof = Self(of: value).words
    return (proof[0] ^ words[0]) | (proof[1] ^ words[1]) == 0 ? value : nil
  }

  /// Of 32 bits, the first digit highest.
  @inline(__always)
  private static func digits(of value: UInt64) -> UInt64 {
    var digits = (value << 16 | value) & 0x0000_FFFF_0000_FFFF
    digits = (digits << 8 | digits) & 0x00FF_00FF_00FF_00FF
    digits = (digits << 4 | digits) & 0x0F0F_0F0F_0F0F_0F0F
    // 1 in each byte that stands for a letter.
    let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return digits &+ 0x3030_3030_3030_3030 &+ letters &* 39
  }

  /// 32 bits, which are nonsense where there are no digits.
  @inline(__always)
  private static func value(of digits: UInt64) -> UInt64 {
    let letters = digits >> 6 & 0x0101_0101_0101_0101
    var value = (digits & 0x0F0F_0F0F_0F0F_0F0F) &+ letters &* 9
    value = (value >> 4 | value) & 0x00FF_00FF_00FF_00FF
    value = (value >> 8 | value) & 0x0000_FFFF_0000_FFFF
    return (value >> 16 | value) & 0xFFFF_FFFF
  }
}
