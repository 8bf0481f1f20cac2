/// The `traceparent` of W3C Trace Context: which trace something belongs to, and the span that
/// caused it.
package struct TraceParent: Hashable, Sendable {
  /// Of version 00.
  package static let textBytes = 55
  /// Sampled, and random trace id: the flags that are known.
  private static let knownFlags: UInt8 = 0x03

  package var parentID: UInt64
  package let flags: UInt8
  /// The two halves of the trace id.
  private let upper: UInt64
  private let lower: UInt64

  /// Reads one; nil when it is not valid, which counts as none.
  ///
  /// Of versions after 00 what this version knows is read (W3C Trace Context, section 4.3).
  package init?(_ range: Range<Int>, in line: Span<UInt8>) {
    let text = line.extracting(range)
    guard text.count >= Self.textBytes, let version = UInt64(hexadecimal: 0..<2, in: text),
      let upper = UInt64(sixteenDigits: 3, in: text),
      let lower = UInt64(sixteenDigits: 19, in: text),
      let parent = UInt64(sixteenDigits: 36, in: text),
      let flags = UInt64(hexadecimal: 53..<55, in: text),
      text[2] == UInt8(ascii: "-"), text[35] == UInt8(ascii: "-"), text[52] == UInt8(ascii: "-"),
      version != 0xFF, upper | lower != 0, parent != 0
    else { return nil }
    if text.count > Self.textBytes {
      guard version > 0, text[Self.textBytes] == UInt8(ascii: "-") else { return nil }
    }
    self.upper = upper
    self.lower = lower
    parentID = parent
    self.flags = UInt8(truncatingIfNeeded: flags) & Self.knownFlags
  }

  /// A new trace, sampled: nobody before superv could have decided otherwise.
  package init(newTrace random: inout some RandomNumberGenerator, parentID: UInt64) {
    upper = random.next()
    // All zeros is not a trace id.
    lower = random.next() | 1
    self.parentID = parentID
    flags = 0x01
  }

  /// Appends it as version 00, without quotes.
  package func append(to output: inout OutputSpan<UInt8>) {
    output.append("00-")
    output.append(hexadecimal: upper)
    output.append(hexadecimal: lower)
    output.append("-")
    output.append(hexadecimal: parentID)
    output.append("-0")
    // None of the known ones is above 9.
    output.append(UInt8(ascii: "0") &+ flags)
  }
}
