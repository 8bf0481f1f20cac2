import SupervSystem

/// Reads one log forwards, from file to newer file, and goes on when it grows.
final class LogCursor {
  private let chain: LogChain
  private let source: Int
  private let bareStream: LogRecord.Stream?
  private var link: LogChain.Link?
  /// Bytes that were read and not handed on yet begin at `start`; up to `searched` they have no
  /// line feed.
  private let bytes = ByteBuffer()
  private var start = 0
  private var searched = 0
  /// How much of the file is read.
  private var offset: Int64 = 0
  /// The file was rotated before we last read it: what it has now is all it will ever have.
  private var isComplete = false
  private var time: Int64 = 0

  /// A longer run without a line feed is cut: no log that superv writes has one.
  static let longestLineBytes = 4 << 20
  private static let blockBytes = 32 * 1024

  init(_ log: LogSource, source: Int) {
    chain = LogChain(path: log.path)
    bareStream = log.bareStream
    self.source = source
  }

  /// Begins with the oldest file that can have records from this time on.
  func seekToStart(from: Int64?) throws(SystemError) {
    // The time of a file is as coarse as the kernel's tick.
    let tick: Int64 = 1_000_000_000
    link = try chain.oldest(since: from.map { max($0, .min + tick) - tick } ?? .min)
  }

  /// Begins behind the last whole line there is.
  ///
  /// - Returns: a reader of everything before.
  func seekToEnd() throws(SystemError) -> LogTailReader? {
    link = try chain.open(number: 0)
    guard let copy = try link?.duplicate() else { return nil }
    offset = try LogTailReader.lastLineEnd(copy.descriptor)
    return try LogTailReader(
      chain, source: source, bareStream: bareStream, newest: copy, end: offset)
  }

  /// The next record; nil when there is none now.
  func next() throws(SystemError) -> LogRecord? {
    while true {
      if let line = takeLine() { return parse(line) }
      if try fill() { continue }
      if !isComplete {
        guard try findFile() else { return nil }
        continue
      }
      if start < bytes.count { return parse(take(upTo: bytes.count, skipping: 0)) }
      guard try moveOn() else { return nil }
    }
  }

  /// At the end of the file: whether there is a reason to read again.
  private func findFile() throws(SystemError) -> Bool {
    if link == nil {
      link = try chain.oldest()
      return link != nil
    }
    switch link {
    case .none: return false
    case .some(let link):
      // The logger closes a file before it renames it. So what is in it once it has been renamed
      // can be read to its end, and only then is it done with.
      isComplete = try chain.isRotated(link)
      return isComplete
    }
  }

  private func moveOn() throws(SystemError) -> Bool {
    let step: LogChain.Step
    switch link {
    case .none: return false
    case .some(let link): step = try chain.newer(than: link)
    }
    switch consume step {
    case .none: return false
    case .file(let next): link = consume next
    }
    offset = 0
    isComplete = false
    return true
  }

  /// Reads on; false at the end of the file.
  private func fill() throws(SystemError) -> Bool {
    bytes.removeFirst(start)
    searched -= start
    start = 0
    bytes.reserve(LogCursor.blockBytes)
    let room = unsafe UnsafeMutableBufferPointer(start: bytes.end, count: LogCursor.blockBytes)
    var span = unsafe room.mutableSpan
    let count = try link?.descriptor.read(into: &span, at: offset) ?? 0
    bytes.count += count
    offset += Int64(count)
    if bareStream != nil, count > 0, let now = try link?.descriptor.status() {
      time = now.modifiedNanoseconds
    }
    if count == 0, let size = try link?.descriptor.status().size, size < offset {
      // Somebody has truncated it: it begins anew.
      offset = 0
      return size > 0
    }
    return count > 0
  }

  private func takeLine() -> ArraySlice<UInt8>? {
    guard let base = unsafe bytes.bytes.baseAddress, start < bytes.count else { return nil }
    let found = unsafe firstIndex(
      of: UInt8(ascii: "\n"), in: base + searched, count: bytes.count - searched)
    guard let found else {
      searched = bytes.count
      guard bytes.count - start >= LogCursor.longestLineBytes else { return nil }
      return take(upTo: bytes.count, skipping: 0)
    }
    return take(upTo: searched + found, skipping: 1)
  }

  private func take(upTo end: Int, skipping more: Int) -> ArraySlice<UInt8> {
    defer {
      start = end + more
      searched = start
    }
    return unsafe Array(bytes.bytes[start..<end])[...]
  }

  private func parse(_ line: ArraySlice<UInt8>) -> LogRecord {
    if let bareStream {
      return LogRecord(bare: line, of: bareStream, source: source, fileTime: time)
    }
    let record = LogRecordParser.parse(line, source: source, time: time)
    time = record.timeNanoseconds
    return record
  }
}
