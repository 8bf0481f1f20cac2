import SupervSystem

/// One stream: a pipe, the line in it that is not finished, and the file it goes to.
final class LoggerInput {
  let stream: LogStream
  let file: LogFile
  let pipe: Descriptor
  let splitter: LineSplitter
  /// For the mirror; empty for streams that are not shown.
  let shownName: [UInt8]
  private(set) var shape: RecordShape
  private(set) var lines: UInt64 = 0
  private(set) var bytes: UInt64 = 0
  private(set) var droppedLines: UInt64 = 0
  private var reportedBytes: UInt64 = 0
  private var reportedDroppedLines: UInt64 = 0
  private var isWide = false

  init(_ stream: LogStream, pipe: consuming Descriptor, file: LogFile) {
    self.stream = stream
    self.pipe = pipe
    self.file = file
    switch stream.kind {
    case .stdout, .stderr:
      splitter = LineSplitter(limit: LineLimits.recordBytes)
      shownName = Array(stream.origin.name.utf8)
    case .events, .raw:
      splitter = LineSplitter(limit: LineLimits.verbatimBytes)
      shownName = []
    }
    shape = RecordShape(stream.kind, format: stream.file.format, origin: stream.origin)
  }

  /// New settings came for the file: the next record has the new format.
  func update(_ settings: LogFileSettings) {
    shape = RecordShape(stream.kind, format: settings.format, origin: stream.origin)
    var renewed = stream
    renewed.file = settings
    file.mark = DropMark(renewed)
  }

  /// A stream that fills its pipe gets a larger one: its agent waits less, and fewer, larger reads
  /// are cheaper. Others keep the kernel's default, as the pipes of a user together have a limit.
  func widen(afterRead count: Int) {
    guard !isWide, count >= LineLimits.fullPipeBytes else { return }
    isWide = true
    Pipe.resize(pipe, bytes: LineLimits.widePipeBytes)
  }

  /// What it has brought since this was asked last, if that is anything.
  func takeUsage() -> StreamUsage? {
    guard bytes != reportedBytes || droppedLines != reportedDroppedLines else { return nil }
    (reportedBytes, reportedDroppedLines) = (bytes, droppedLines)
    return StreamUsage(
      stream: stream.id, lines: lines, bytes: bytes, droppedLines: droppedLines)
  }

  /// The report of its end.
  var closed: LoggerReport {
    .closed(stream: stream.id, lines: lines, bytes: bytes, droppedLines: droppedLines)
  }

  func count(_ encoder: RecordEncoder, bytes more: Int) {
    lines += encoder.records
    bytes += UInt64(more)
    droppedLines += encoder.droppedRecords
  }
}

/// The streams by slot. A token is a slot and its generation, so that an event of a stream that has
/// ended meanwhile is told from one of its successor.
struct InputTable {
  private var slots: [(generation: UInt32, input: LoggerInput?)] = []
  private var free: [Int] = []
  private(set) var count = 0

  var all: [LoggerInput] { slots.compactMap(\.input) }

  mutating func insert(_ input: LoggerInput) -> UInt64 {
    count += 1
    if let slot = free.popLast() {
      slots[slot].input = input
      return token(slot)
    }
    slots.append((generation: 1, input: input))
    return token(slots.count - 1)
  }

  subscript(token: UInt64) -> LoggerInput? {
    let slot = Int(token & 0xFFFF_FFFF)
    guard slot < slots.count, slots[slot].generation == UInt32(token >> 32) else { return nil }
    return slots[slot].input
  }

  mutating func remove(_ token: UInt64) {
    guard self[token] != nil else { return }
    let slot = Int(token & 0xFFFF_FFFF)
    slots[slot] = (generation: slots[slot].generation &+ 1, input: nil)
    free.append(slot)
    count -= 1
  }

  var tokens: [UInt64] { slots.indices.filter { slots[$0].input != nil }.map(token) }

  private func token(_ slot: Int) -> UInt64 {
    UInt64(slots[slot].generation) << 32 | UInt64(slot)
  }
}
