/// Finds one text in many bytes by R. N. Horspool's method ("Practical fast searching in strings",
/// 1980): it looks at the byte where the text would end and mostly goes on by the text's length.
struct TokenSearch: Sendable {
  let token: [UInt8]
  /// How far to go on, for each byte that is found at the token's end.
  private let strides: [UInt8]

  /// - Parameter text: 1 to 255 bytes.
  init(_ text: StaticString) {
    token = Array(text.description.utf8)
    var strides = [UInt8](repeating: UInt8(token.count), count: 256)
    for (index, byte) in token.dropLast().enumerated() {
      strides[Int(byte)] = UInt8(token.count - 1 - index)
    }
    self.strides = strides
  }

  /// The index of the first such token at or after `start`.
  func firstIndex(in bytes: Span<UInt8>, from start: Int) -> Int? {
    let (token, strides) = (token.span, strides.span)
    let last = token.count - 1
    var index = start
    while index + last < bytes.count {
      let end = bytes[index + last]
      if end == token[last] {
        var offset = last
        while offset > 0, bytes[index + offset - 1] == token[offset - 1] { offset -= 1 }
        if offset == 0 { return index }
      }
      index += Int(strides[Int(end)])
    }
    return nil
  }

  /// How many bytes at the end of these, from `start` on, are a beginning of the token; all of it
  /// does not count.
  func begunCount(atEndOf bytes: Span<UInt8>, from start: Int) -> Int {
    var count = min(token.count - 1, bytes.count - start)
    while count > 0 {
      let first = bytes.count - count
      var offset = 0
      while offset < count, bytes[first + offset] == token[offset] { offset += 1 }
      if offset == count { return count }
      count -= 1
    }
    return 0
  }
}
