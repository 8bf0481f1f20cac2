// What messages are put together from, straight into the memory that they are sent from.

extension OutputSpan<UInt8> {
  /// So many bytes are written at once, whatever of them counts; more than that have to be free
  /// wherever a piece is appended.
  private typealias Block = SIMD16<UInt8>

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

  /// Appends a part of a text. A short one is not worth the call of memmove(3).
  @inline(__always)
  mutating func append(_ part: Range<Int>, of text: Span<UInt8>) {
    let blockBytes = MemoryLayout<Block>.size
    if part.count <= blockBytes, part.lowerBound &+ blockBytes <= text.count,
      freeCapacity >= blockBytes
    {
      let block = unsafe text.bytes.unsafeLoadUnaligned(
        fromByteOffset: part.lowerBound, as: Block.self)
      append(block, count: part.count)
    } else {
      append(text.extracting(part))
    }
  }

  /// Appends constant text: with its length known, it is a few stores.
  @inline(__always)
  mutating func append(_ text: StaticString) {
    append(unsafe Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends 16 hexadecimal digits, in lower case.
  @inline(__always)
  mutating func append(hexadecimal value: UInt64) {
    let digits = HexadecimalDigits(of: value).words
    append(unsafe unsafeBitCast(digits, to: Block.self), count: 16)
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
    append(unsafe unsafeBitCast(SIMD2(digits.littleEndian, 0), to: Block.self), count: count)
  }

  /// Appends the first bytes of a block.
  @inline(__always)
  private mutating func append(_ block: Block, count: Int) {
    precondition(
      freeCapacity >= MemoryLayout<Block>.size, "a message is longer than was said")
    unsafe withUnsafeMutableBufferPointer { buffer, end in
      unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
        of: block, toByteOffset: end, as: Block.self)
      end &+= count
    }
  }
}
