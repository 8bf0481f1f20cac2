// What messages are put together from, straight into the memory that they are sent from.

extension OutputSpan<UInt8> {
  /// Appends bytes as they are.
  @inline(__always)
  mutating func append(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity, "a message is longer than was said")
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      unsafe bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let start = buffer.baseAddress else { return }
        unsafe (start + count).initialize(from: from, count: source.count)
      }
      count &+= bytes.count
    }
  }

  /// Appends constant text: with its length known, it is a few stores.
  @inline(__always)
  mutating func append(_ text: StaticString) {
    append(unsafe Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends 16 hexadecimal digits, in lower case.
  mutating func append(hexadecimal value: UInt64) {
    append(word: HexadecimalWord.digits(of: value >> 32))
    append(word: HexadecimalWord.digits(of: value))
  }

  /// Appends eight bytes, the highest one first.
  @inline(__always)
  private mutating func append(word: UInt64) {
    precondition(freeCapacity >= 8, "a message is longer than was said")
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
        of: word.bigEndian, toByteOffset: count, as: UInt64.self)
      count &+= 8
    }
  }

  /// Appends a number that is not negative.
  mutating func append(decimal number: Int64) {
    if number > 9 { append(decimal: number / 10) }
    append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
  }
}
