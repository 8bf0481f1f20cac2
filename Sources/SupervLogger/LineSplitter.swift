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
    let total = headroom + capacity + LineLimits.slackBytes
    unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: total)
    // Only the slack: the pages of the headroom stay untouched until a long line needs them.
    unsafe (base + (total - LineLimits.slackBytes)).update(
      repeating: 0, count: LineLimits.slackBytes)
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
  /// How many bytes behind a line may be looked at, and scribbled on behind what is written.
  static let slackBytes = 16
  /// A read of so much found a full pipe of the kernel's default size.
  static let fullPipeBytes = 64 * 1024
  /// What an unprivileged process may ask for at most, unless the machine says otherwise
  /// (`/proc/sys/fs/pipe-max-size`).
  static let widePipeBytes: Int32 = 256 * 1024
}

/// Lines that lie behind each other in the read buffer.
@safe
package struct LineRun {
  fileprivate let start: UnsafePointer<UInt8>
  /// Bytes of whole lines; the last of them is a line feed.
  fileprivate let wholeBytes: Int
  /// Bytes behind them of a line that is longer than the limit and goes on in a later read.
  fileprivate let partialBytes: Int
  fileprivate let limit: Int

  /// Whether a line may come in more than one piece.
  var hasPieces: Bool { partialBytes > 0 || wholeBytes > limit }

  /// Hands on every line without its line feed, in pieces where it is longer than the limit.
  ///
  /// - Parameter line: `LineLimits.slackBytes` behind it can be read, whatever they are.
  @inline(__always)
  package func visit(
    _ line: (_ start: UnsafePointer<UInt8>, _ count: Int, _ isPartial: Bool) -> Void
  ) {
    var start = unsafe start
    var rest = wholeBytes
    while rest > 0 {
      var length = unsafe firstIndex(of: LineSplitter.lineFeed, in: start, count: rest) ?? rest
      rest &-= length &+ 1
      while length > limit {
        let cut = unsafe UTF8Sequence.cut(start, at: limit)
        unsafe line(start, cut, true)
        unsafe start += cut
        length &-= cut
      }
      unsafe line(start, length, false)
      unsafe start += length &+ 1
    }
    rest = partialBytes
    while rest > 0 {
      let cut = unsafe rest > limit ? UTF8Sequence.cut(start, at: limit) : rest
      unsafe line(start, cut, true)
      unsafe start += cut
      rest &-= cut
    }
  }
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

  /// Takes the first `count` fresh bytes of the buffer.
  ///
  /// - Returns: the lines they complete, until the buffer is filled again; nil if there is none.
  package func feed(_ buffer: ReadBuffer, count: Int) -> LineRun? {
    let fresh = unsafe UnsafePointer(buffer.fresh)
    var whole = count
    while whole > 0, unsafe fresh[whole - 1] != LineSplitter.lineFeed { whole -= 1 }
    if whole == 0 && unfinished.count + count <= limit {
      unsafe unfinished.append(UnsafeBufferPointer(start: fresh, count: count))
      return nil
    }
    let before = unfinished.count
    let start = unsafe buffer.prepend(unfinished.bytes)
    unfinished.free()
    if whole > 0 { whole += before }
    let partial = unsafe keepEnd(
      of: UnsafeBufferPointer(start: start + whole, count: before + count - whole))
    guard whole + partial > 0 else { return nil }
    return unsafe LineRun(
      start: start, wholeBytes: whole, partialBytes: partial, limit: limit)
  }

  /// Keeps what is left of an unfinished line after its pieces.
  ///
  /// - Returns: how many bytes of it are in pieces.
  private func keepEnd(of tail: UnsafeBufferPointer<UInt8>) -> Int {
    guard let start = tail.baseAddress else { return 0 }
    var partial = 0
    while tail.count - partial > limit {
      partial += unsafe UTF8Sequence.cut(start + partial, at: limit)
    }
    unsafe unfinished.append(UnsafeBufferPointer(rebasing: tail[partial...]))
    return partial
  }

  /// The last line, if it had no line feed. After that nothing is kept.
  package func finish(_ buffer: ReadBuffer) -> LineRun? {
    guard !unfinished.isEmpty else { return nil }
    let count = unfinished.count
    let start = unsafe buffer.prepend(unfinished.bytes)
    unfinished.free()
    unsafe buffer.fresh.pointee = LineSplitter.lineFeed
    return unsafe LineRun(start: start, wholeBytes: count + 1, partialBytes: 0, limit: limit)
  }

  fileprivate static let lineFeed = UInt8(ascii: "\n")
}
