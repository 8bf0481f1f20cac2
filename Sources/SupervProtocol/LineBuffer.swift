/// The bytes that have come in on one connection, handed out line by line.
///
/// Bytes go in with `append`, lines come out of `next` until it returns nil. A line that is longer
/// than the limit is reported once as `.oversized` and skipped to its end, however long that is;
/// the lines after it are read as if nothing had happened. Between two appends the buffer holds at
/// most one unfinished line, so that a peer can make it grow to the limit and not further.
public struct LineBuffer: ~Copyable {
  public enum Event: Hashable, Sendable {
    /// A line without its LF or CRLF, as a range for `withBytes`; good until the next `append`.
    case line(Range<Int>)
    /// A line longer than the limit. It comes once a line, and as soon as the limit is passed.
    case oversized
  }

  /// Above this capacity the memory is given back as soon as the buffer is empty.
  private static let keptCapacityBytes = 16 << 10

  /// The longest line, in bytes, without its LF.
  public let maximumLineBytes: Int

  @usableFromInline private(set) var storage: [UInt8] = []
  /// Where the first line that has not been handed out begins.
  private var head = 0
  /// Everything from `head` up to here is known to hold no newline.
  private var scanned = 0
  private var isSkipping = false

  public init(maximumLineBytes: Int = 1 << 20) {
    precondition(maximumLineBytes > 0, "a line limit is positive")
    self.maximumLineBytes = maximumLineBytes
  }

  /// How many bytes wait for the rest of their line.
  public var pendingByteCount: Int { storage.count - head }
  /// How much memory is held.
  public var capacityBytes: Int { storage.capacity }

  /// Adds what was read. Call `next` until it returns nil before adding more.
  public mutating func append(_ bytes: Span<UInt8>) {
    dropTaken()
    unsafe bytes.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
  }

  /// Adds what was read, without a copy of it where nothing waits for the rest of its line.
  public mutating func append(_ bytes: consuming [UInt8]) {
    dropTaken()
    if storage.isEmpty { storage = bytes } else { storage.append(contentsOf: bytes) }
  }

  /// The next complete line, or nil until more bytes come.
  public mutating func next() -> Event? {
    while true {
      guard let newline = firstNewline(in: storage.span, from: scanned) else {
        scanned = storage.count
        return endOfInput()
      }
      let start = head
      head = newline + 1
      scanned = head
      if isSkipping {
        isSkipping = false
        continue
      }
      if newline - start > maximumLineBytes { return .oversized }
      let hasReturn = newline > start && storage[newline - 1] == UInt8(ascii: "\r")
      return .line(start..<(hasReturn ? newline - 1 : newline))
    }
  }

  /// Gives `body` the bytes of a line that `next` returned.
  @inlinable @inline(__always)
  public func withBytes<Result, Failure: Error>(
    of line: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(storage.span.extracting(line))
  }

  /// The buffer ends within a line: keep its beginning, or give it up when it is too long already.
  private mutating func endOfInput() -> Event? {
    if isSkipping {
      head = storage.count
      return nil
    }
    guard pendingByteCount > maximumLineBytes else { return nil }
    head = storage.count
    isSkipping = true
    return .oversized
  }

  private mutating func dropTaken() {
    guard head > 0 else { return }
    if head == storage.count {
      storage.removeAll(keepingCapacity: storage.capacity <= Self.keptCapacityBytes)
    } else {
      storage.removeFirst(head)
    }
    scanned -= head
    head = 0
  }
}
