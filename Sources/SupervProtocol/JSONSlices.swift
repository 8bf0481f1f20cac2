extension JSON {
  /// Where the value of a member lies in a line whose `object` has passed the grammar; nil when the
  /// object has no such member. With it, bytes can be handed on that nobody needs to decode.
  package static func member(
    _ name: String, of object: Range<Int>, in line: Span<UInt8>
  ) -> Range<Int>? {
    var found: Range<Int>?
    forEachItem(of: object, in: line, keyed: true) { key, value in
      if let key, text(of: key, in: line) == name { found = value }
    }
    return found
  }

  /// Where the elements of an array lie in a line whose `array` has passed the grammar.
  package static func elements(of array: Range<Int>, in line: Span<UInt8>) -> [Range<Int>] {
    var found: [Range<Int>] = []
    forEachItem(of: array, in: line, keyed: false) { _, value in found.append(value) }
    return found
  }

  private static func forEachItem(
    of container: Range<Int>, in line: Span<UInt8>, keyed: Bool,
    _ body: (_ key: Range<Int>?, _ value: Range<Int>) -> Void
  ) {
    let text = line.extracting(container)
    let opening = UInt8(ascii: keyed ? "{" : "[")
    guard text.count >= 2, text[0] == opening else { return }
    let start = container.lowerBound
    var index = 1
    while (try? skipSeparators(text, &index)) != nil {
      var key: Range<Int>?
      do {
        if keyed {
          let keyStart = index
          _ = try JSONGrammar.skipString(text, &index)
          key = start + keyStart + 1..<start + index - 1
          try JSONGrammar.skipColon(text, &index)
          JSONGrammar.skipWhitespace(text, &index)
        }
        let valueStart = index
        try JSONGrammar.skipValue(text, &index, depth: 0)
        body(key, start + valueStart..<start + index)
      } catch {
        return
      }
    }
  }

  /// Moves to the next item.
  ///
  /// - Throws: `JSONFault` at the end of the container.
  private static func skipSeparators(
    _ bytes: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    JSONGrammar.skipWhitespace(bytes, &index)
    if index < bytes.count && bytes[index] == UInt8(ascii: ",") { index += 1 }
    JSONGrammar.skipWhitespace(bytes, &index)
    guard index < bytes.count - 1 else { throw JSONGrammar.ended(bytes) }
  }
}
