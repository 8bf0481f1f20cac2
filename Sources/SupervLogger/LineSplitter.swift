import SupervSystem

/// The one buffer that every pipe is read into: room in front for the beginning of a line that an
/// earlier read brought, the bytes just read, and a few bytes of slack that may be looked at.
///
/// So a line always lies in one piece, and the memory a stream costs is its unfinished line.
@safe
package final class ReadBuffer {
  package let capacity: Int
  let headroom: Int
  private let base: UnsafeMutablePointer<UInt8>

  package init(capacity: Int = 128 * 1024, headroom: Int = LineLimits.verbatimBytes) {
    self.capacity = capacity
    self.headroom = headroom
    let total = headroom + capacity + JSONText.slackBytes
    unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: total)
    // Only the slack: the pages of the headroom stay untouched until a long line needs them.
    unsafe (base + (total - JSONText.slackBytes)).update(repeating: 0, count: JSONText.slackBytes)
  }

  deinit { unsafe base.deallocate() }

  /// Where a read puts its bytes, `capacity` of them at most.
  package var fresh: UnsafeMutablePointer<UInt8> { unsafe base + headroom }

  /// Puts bytes in front of the fresh ones.
  ///
  /// - Returns: where they begin.
  func prepend(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafePointer<UInt8> {
    precondition(bytes.count <= headroom, "an unfinished line is longer than its limit")
    let start = unsafe fresh - bytes.count
    if let source = bytes.baseAddress { unsafe start.update(from: source, count: bytes.count) }
    return unsafe UnsafePointer(start)
  }
}

/// How long a line may be. A longer one is cut into pieces, each a record of its own.
package enum LineLimits {
  /// The longest line of an agent's stdout or stderr in one record, in bytes without the line feed.
  package static let recordBytes = 64 * 1024
  /// The longest line of an `events` or `raw` stream: what a protocol message may be.
  package static let verbatimBytes = 1024 * 1024
}

/// Cuts what comes out of one pipe into lines, and keeps the beginning of the one that is not
/// finished yet.
///
/// A line of exactly `limit` bytes is one piece. Of a longer one, every piece but the last is
/// `isPartial`, and no UTF-8 character is cut in two.
package struct LineSplitter {
  package let limit: Int
  private let unfinished = ByteBuffer()

  package init(limit: Int) {
    self.limit = limit
  }

  /// The bytes of the line that is not finished.
  package var unfinishedBytes: Int { unfinished.count }

  /// Takes the first `count` fresh bytes of the buffer and hands on the lines they complete,
  /// without their line feeds.
  @inline(__always)
  package func feed(
    _ buffer: ReadBuffer, count: Int,
    line: (_ start: UnsafePointer<UInt8>, _ count: Int, _ isPartial: Bool) -> Void
  ) {
    let fresh = unsafe UnsafePointer(buffer.fresh)
    let end = unsafe fresh + count
    var lineFeed = unsafe firstIndex(of: LineSplitter.lineFeed, in: fresh, count: count)
      .map { unsafe fresh + $0 }
    if unsafe lineFeed == nil && unfinished.count + count <= limit {
      return unsafe unfinished.append(UnsafeBufferPointer(start: fresh, count: count))
    }
    var start = unsafe buffer.prepend(unfinished.bytes)
    unfinished.free()
    while true {
      let lineEnd = unsafe lineFeed ?? end
      while unsafe lineEnd - start > limit {
        let cut = unsafe UTF8Sequence.cut(start, at: limit)
        unsafe line(start, cut, true)
        unsafe start += cut
      }
      guard unsafe lineFeed != nil else { break }
      unsafe line(start, lineEnd - start, false)
      unsafe start = lineEnd + 1
      unsafe lineFeed = firstIndex(of: LineSplitter.lineFeed, in: start, count: end - start)
        .map { unsafe start + $0 }
    }
    unsafe unfinished.append(UnsafeBufferPointer(start: start, count: end - start))
  }

  /// Hands on the last line, if it had no line feed. After that nothing is kept.
  package func finish(
    _ buffer: ReadBuffer,
    line: (_ start: UnsafePointer<UInt8>, _ count: Int, _ isPartial: Bool) -> Void
  ) {
    guard !unfinished.isEmpty else { return }
    unsafe line(buffer.prepend(unfinished.bytes), unfinished.count, false)
    unfinished.free()
  }

  private static let lineFeed = UInt8(ascii: "\n")
}
