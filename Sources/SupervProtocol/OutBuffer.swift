/// The bytes that wait to be written to one connection, bounded.
///
/// Messages go in whole or not at all, so that what a slow reader has not got yet never holds half
/// a line. What happens to a reader that is full (drop the message, close the connection) is up to
/// the caller.
///
/// The memory is its own: an array would ask with each message whether somebody shares it.
@safe public struct OutBuffer: ~Copyable {
  /// Above this capacity the memory is given back as soon as all is written. What is below holds
  /// the messages of a busy turn, so that they do not find it growing each time.
  private static let keptCapacityBytes = 64 << 10
  private static let smallestCapacityBytes = 512

  /// The most bytes that may wait.
  public let maximumBytes: Int

  private var memory = unsafe UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  /// What waits begins here,
  private var written = 0
  /// and ends here.
  private var end = 0

  public init(maximumBytes: Int) {
    precondition(maximumBytes > 0, "a buffer limit is positive")
    self.maximumBytes = maximumBytes
  }

  deinit { unsafe memory.deallocate() }

  public var isEmpty: Bool { written == end }
  public var waitingByteCount: Int { end &- written }
  /// How much memory is held.
  public var capacityBytes: Int { unsafe memory.count }

  /// Adds one message, or returns false and changes nothing when it would pass the limit.
  public mutating func append(_ message: Span<UInt8>) -> Bool {
    guard hasRoom(for: message.count) else { return false }
    _ = unsafe message.withUnsafeBufferPointer { source in
      unsafe memory.extracting(end...).initialize(fromContentsOf: source)
    }
    end &+= message.count
    return true
  }

  /// Adds one message, or returns false and changes nothing when it would pass the limit.
  public mutating func append(_ message: [UInt8]) -> Bool { append(message.span) }

  /// Adds one message that is put together in place, or returns false and changes nothing when it
  /// might pass the limit.
  ///
  /// - Parameter maximumBytes: no message that `write` makes is longer.
  public mutating func append(
    maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    guard hasRoom(for: maximumBytes) else { return false }
    let room = unsafe memory.extracting(end..<end &+ maximumBytes)
    var output = unsafe OutputSpan(buffer: room, initializedCount: 0)
    write(&output)
    end &+= unsafe output.finalize(for: room)
    return true
  }

  /// Gives `body` what waits to be written, in order.
  public func withWaitingBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let waiting = unsafe Span(_unsafeElements: UnsafeBufferPointer(memory))
    return try body(waiting.extracting(written..<end))
  }

  /// Forgets the first `count` waiting bytes: they are written.
  public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= waitingByteCount, "more was written than waited")
    written &+= count
    guard written == end else { return }
    (written, end) = (0, 0)
    if capacityBytes > Self.keptCapacityBytes { replaceMemory(byBytes: 0) }
  }

  /// Makes it, up to the limit.
  private mutating func hasRoom(for count: Int) -> Bool {
    guard count <= maximumBytes &- waitingByteCount else { return false }
    if count > capacityBytes &- end { makeRoom(for: count) }
    return true
  }

  private mutating func makeRoom(for count: Int) {
    let needed = waitingByteCount + count
    // Moving the rest forward is worth it once the written part is at least as long: every byte is
    // then moved at most once on average.
    if written >= waitingByteCount, needed <= capacityBytes {
      _ = unsafe memory.moveInitialize(fromContentsOf: memory.extracting(written..<end))
      (written, end) = (0, waitingByteCount)
    } else {
      replaceMemory(byBytes: max(needed, 2 * capacityBytes, Self.smallestCapacityBytes))
    }
  }

  private mutating func replaceMemory(byBytes count: Int) {
    let other = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count)
    _ = unsafe other.moveInitialize(fromContentsOf: memory.extracting(written..<end))
    unsafe memory.deallocate()
    unsafe memory = other
    (written, end) = (0, waitingByteCount)
  }
}
