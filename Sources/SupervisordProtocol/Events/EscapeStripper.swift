/// Takes terminal control sequences out of a stream, for `strip_ansi`.
///
/// A sequence is ESC, `[` and all up to one of the letters that supervisord takes for an end, which
/// is dropped with it. It may be cut anywhere; supervisord forgets at each read where it was.
package struct EscapeStripper: Codable, Hashable, Sendable {
  private enum Place: Codable, Hashable, Sendable {
    case text
    /// An ESC, the last byte there was, is held back until it is known whether `[` follows.
    case afterEscape
    case sequence
  }

  private var place = Place.text

  package init() {}

  /// Appends what is to be seen of the bytes.
  package mutating func strip(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
    var index = 0
    while index < bytes.count {
      switch place {
      case .text: index = showText(bytes, from: index, &output)
      case .afterEscape:
        // Another ESC is found again as text.
        let begins = bytes[index] == UInt8(ascii: "[")
        if begins { index += 1 } else { output.append(Self.escape) }
        place = begins ? .sequence : .text
      case .sequence:
        while index < bytes.count, !Self.isEnd(bytes[index]) { index += 1 }
        if index < bytes.count {
          index += 1
          place = .text
        }
      }
    }
  }

  /// The stream is over: an ESC that was held back is text.
  package mutating func end(into output: inout [UInt8]) {
    if case .afterEscape = place { output.append(Self.escape) }
    place = .text
  }

  private mutating func showText(
    _ bytes: Span<UInt8>, from start: Int, _ output: inout [UInt8]
  ) -> Int {
    var index = start
    while let found = bytes.firstIndex(of: Self.escape, from: index) {
      let next = found + 1
      guard next == bytes.count || bytes[next] == UInt8(ascii: "[") else {
        index = next
        continue
      }
      output.append(bytes.extracting(start..<found))
      place = next == bytes.count ? .afterEscape : .sequence
      return min(next + 1, bytes.count)
    }
    output.append(bytes.extracting(start...))
    return bytes.count
  }

  private static let escape: UInt8 = 0x1B

  /// One of `HfABCDRsuJKhlpm`.
  private static func isEnd(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "H"), UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "D"),
      UInt8(ascii: "R"), UInt8(ascii: "s"), UInt8(ascii: "u"), UInt8(ascii: "J"),
      UInt8(ascii: "K"), UInt8(ascii: "h"), UInt8(ascii: "l"), UInt8(ascii: "p"),
      UInt8(ascii: "m"):
      true
    default: false
    }
  }
}
