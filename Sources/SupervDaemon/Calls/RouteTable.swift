/// Finds the names of a fixed list by their bytes, without making a String of them.
package struct RouteTable {
  private struct Entry {
    var hash: UInt64
    /// Where the name stands among all names.
    var bytes: Range<Int>
    var index: Int
  }

  private var names: [UInt8] = []
  private var entries: [Entry?]

  /// - Parameter list: each name once.
  package init(_ list: [String]) {
    var size = 16
    while size < list.count &* 2 { size &*= 2 }
    entries = Array(repeating: nil, count: size)
    for (index, name) in list.enumerated() {
      let bytes = Array(name.utf8)
      let start = names.count
      names += bytes
      let entry = Entry(
        hash: Self.hash(bytes.span), bytes: start..<start + bytes.count, index: index)
      var slot = Int(truncatingIfNeeded: entry.hash) & (size - 1)
      while entries[slot] != nil { slot = (slot + 1) & (size - 1) }
      entries[slot] = entry
    }
  }

  /// Where in the list a name stands.
  package func index(of name: Span<UInt8>) -> Int? {
    let hash = Self.hash(name)
    var slot = Int(truncatingIfNeeded: hash) & (entries.count &- 1)
    while let entry = entries[slot] {
      if entry.hash == hash, isEqual(entry.bytes, name) { return entry.index }
      slot = (slot &+ 1) & (entries.count &- 1)
    }
    return nil
  }

  private func isEqual(_ bytes: Range<Int>, _ name: Span<UInt8>) -> Bool {
    guard bytes.count == name.count else { return false }
    for index in name.indices where names[bytes.lowerBound &+ index] != name[index] { return false }
    return true
  }

  /// FNV-1a with words for bytes, folded: the names come from the configuration, so nobody can make
  /// them collide. Most are one word, and take one multiplication.
  private static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var (hash, word): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0)
    for index in bytes.indices {
      word = word << 8 | UInt64(bytes[index])
      guard index & 7 == 7 else { continue }
      hash = (hash ^ word) &* 0x0100_0000_01b3
      word = 0
    }
    hash = (hash ^ word) &* 0x0100_0000_01b3
    return hash ^ hash >> 32
  }
}
