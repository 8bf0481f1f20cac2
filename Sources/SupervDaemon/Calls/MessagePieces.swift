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
    append(HexadecimalWord.digits(of: value >> 32).byteSwapped, count: 8)
    append(HexadecimalWord.digits(of: value).byteSwapped, count: 8)
  }

  /// Appends a number from 0 to 99,999,999, longer than any time that a call may take.
  mutating func append(decimal number: Int64) {
    precondition(number >= 0 && number < 100_000_000, "a number is longer than was said")
    var (rest, digits, count) = (UInt32(truncatingIfNeeded: number), 0 as UInt64, 0)
    repeat {
      digits = digits << 8 | UInt64(UInt32(UInt8(ascii: "0")) &+ rest % 10)
      rest /= 10
      count &+= 1
    } while rest > 0
    append(digits, count: count)
  }

  /// Appends the lowest bytes of a word, the lowest one first.
  @inline(__always)
  private mutating func append(_ word: UInt64, count: Int) {
    precondition(freeCapacity >= 8, "a message is longer than was said")
    unsafe withUnsafeMutableBufferPointer { buffer, end in
      unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
        of: word.littleEndian, toByteOffset: end, as: UInt64.self)
      end &+= count
    }
  }
}
