/// The bytes that wait to be written to one connection, bounded.
///
/// Messages go in whole or not at all, so that what a slow reader has not got yet never holds half
/// a line. What happens to a reader that is full (drop the message, close the connection) is up to
/// the caller.
public struct OutBuffer: ~Copyable {
  /// Above this capacity the memory is given back as soon as all is written. What is below holds
  /// the messages of a busy turn, so that they do not find it growing each time.
  private static let keptCapacityBytes = 64 << 10

  /// The most bytes that may wait.
  public let maximumBytes: Int

  private var storage: [UInt8] = []
  /// How many bytes at the front have been written.
  private var written = 0

  public init(maximumBytes: Int) {
    precondition(maximumBytes > 0, "a buffer limit is positive")
    self.maximumBytes = maximumBytes
  }

  public var isEmpty: Bool { written == storage.count }
  public var waitingByteCount: Int { storage.count - written }
  /// How much memory is held.
  public var capacityBytes: Int { storage.capacity }

  /// Adds one message, or returns false and changes nothing when it would pass the limit.
  public mutating func append(_ message: Span<UInt8>) -> Bool {
    guard hasRoom(for: message.count) else { return false }
    unsafe message.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
    return true
  }

  /// Adds one message, or returns false and changes nothing when it would pass the limit.
  public mutating func append(_ message: [UInt8]) -> Bool {
    guard hasRoom(for: message.count) else { return false }
    storage.append(contentsOf: message)
    return true
  }

  /// Adds one message that is put together in place, or returns false and changes nothing when it
  /// might pass the limit.
  ///
  /// - Parameter maximumBytes: no message that `write` makes is longer.
  public mutating func append(
    maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    guard hasRoom(for: maximumBytes) else { return false }
    storage.append(addingCapacity: maximumBytes, initializingWith: write)
    return true
  }

  /// Gives `body` what waits to be written, in order.
  public func withWaitingBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(storage.span.extracting(droppingFirst: written))
  }

  /// Forgets the first `count` waiting bytes: they are written.
  public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= waitingByteCount, "more was written than waited")
    written += count
    guard written == storage.count else { return }
    written = 0
    if storage.capacity > Self.keptCapacityBytes {
      storage = []
    } else {
      storage.removeAll(keepingCapacity: true)
    }
  }

  private mutating func hasRoom(for count: Int) -> Bool {
    guard count <= maximumBytes - waitingByteCount else { return false }
    // Moving the rest forward is worth it once the written part is at least as long: every byte is
    // then moved at most once on average.
    if written > 0 && written >= waitingByteCount {
      storage.removeFirst(written)
      written = 0
    }
    return true
  }
}
