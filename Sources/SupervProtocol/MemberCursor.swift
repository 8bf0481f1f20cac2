/// Walks over the members of an object in a line that has passed the grammar: with that proven,
/// finding where a value ends takes no more than matching brackets and quotes.
struct MemberCursor {
  private var index: Int

  init(object: Range<Int>) { index = object.lowerBound &+ 1 }

  /// The next member: its key without quotes, its value whole.
  mutating func next(in line: Span<UInt8>) -> (key: Range<Int>, value: Range<Int>)? {
    JSONGrammar.skipWhitespace(line, &index)
    if line[index] == UInt8(ascii: ",") {
      index &+= 1
      JSONGrammar.skipWhitespace(line, &index)
    }
    guard line[index] == UInt8(ascii: "\"") else { return nil }
    let keyStart = index &+ 1
    skipString(line)
    let key = keyStart..<index &- 1
    JSONGrammar.skipWhitespace(line, &index)
    index &+= 1
    JSONGrammar.skipWhitespace(line, &index)
    let valueStart = index
    skipValue(line)
    return (key, valueStart..<index)
  }

  private mutating func skipString(_ line: Span<UInt8>) {
    index = firstQuoteOrBackslash(in: line, from: index &+ 1)
    while line[index] == UInt8(ascii: "\\") {
      index = firstQuoteOrBackslash(in: line, from: index &+ 2)
    }
    index &+= 1
  }

  private mutating func skipValue(_ line: Span<UInt8>) {
    switch line[index] {
    case UInt8(ascii: "\""): skipString(line)
    case UInt8(ascii: "{"), UInt8(ascii: "["): skipContainer(line)
    default: skipScalar(line)
    }
  }

  private mutating func skipContainer(_ line: Span<UInt8>) {
    var depth = 0
    repeat {
      switch line[index] {
      case UInt8(ascii: "\""):
        skipString(line)
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth &-= 1
      default: break
      }
      index &+= 1
    } while depth > 0
  }

  private mutating func skipScalar(_ line: Span<UInt8>) {
    while true {
      switch line[index] {
      case UInt8(ascii: ","), UInt8(ascii: "}"), 0x20, 0x09, 0x0D, 0x0A: return
      default: index &+= 1
      }
    }
  }
}
