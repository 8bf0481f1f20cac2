import SupervSystem

/// One stream: a pipe, the line in it that is not finished, and the file it goes to.
final class LoggerInput {
  private(set) var stream: LogStream
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
  /// Nothing is read before it is known which process writes.
  private(set) var awaitsProcess: Bool
  /// Whether the poll has it.
  var isWatched = false
  var hasEnded = false

  init(_ stream: LogStream, pipe: consuming Descriptor, file: LogFile) {
    self.stream = stream
    self.pipe = pipe
    self.file = file
    switch stream.kind {
    case .stdout, .stderr:
      splitter = LineSplitter(limit: LineLimits.recordBytes)
      shownName = stream.file.format == .bytes ? [] : Array(stream.origin.name.utf8)
    case .events, .raw:
      splitter = LineSplitter(limit: LineLimits.verbatimBytes)
      shownName = []
    }
    shape = RecordShape(stream.kind, format: stream.file.format, origin: stream.origin)
    awaitsProcess = stream.awaitsProcess
  }

  /// New settings came for the file: the next record has the new format.
  func update(_ settings: LogFileSettings) {
    stream.file = settings
    shape = RecordShape(stream.kind, format: settings.format, origin: stream.origin)
    file.mark = DropMark(stream)
  }

  /// - Parameter processID: Which process writes; 0: nobody knows.
  func identify(_ processID: Int32) {
    awaitsProcess = false
    guard processID != stream.origin.processID else { return }
    stream.origin.processID = processID
    update(stream.file)
  }

  /// Whether the daemon itself writes to it. Such streams are read one after the other, and what
  /// the death of the daemon tore off is no line.
  var isOfDaemon: Bool {
    switch stream.kind {
    case .stdout, .stderr: false
    case .events, .raw: true
    }
  }

  /// Whether what it brings is written as it comes, not line by line.
  var isUntouched: Bool { !isOfDaemon && stream.file.format == .bytes }

  /// Whether the other one has to be read to its end first.
  func follows(_ other: LoggerInput) -> Bool {
    isOfDaemon && other.stream.kind == stream.kind && other.stream.id < stream.id
      && other.file === file && other.stream.origin.name == stream.origin.name
  }

  /// The daemon that was told what it has brought is gone.
  func forgetReported() {
    (reportedBytes, reportedDroppedLines) = (0, 0)
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

  func countUntouched(lines more: UInt64, dropped: UInt64, bytes count: Int) {
    lines += more
    droppedLines += dropped
    bytes += UInt64(count)
  }

  func countTorn() { droppedLines += 1 }
}

/// The streams by slot, and by the number that the daemon gave them. A token is a slot and its
/// generation, so that an event of a stream that has ended meanwhile is told from one of its
/// successor.
struct InputTable {
  private var slots: [(generation: UInt32, input: LoggerInput?)] = []
  private var free: [Int] = []
  private var tokensByStream: [UInt64: UInt64] = [:]
  private(set) var count = 0

  var all: [LoggerInput] { slots.compactMap(\.input) }

  mutating func insert(_ input: LoggerInput) -> UInt64 {
    count += 1
    let slot = free.popLast() ?? slots.count
    if slot == slots.count {
      slots.append((generation: 1, input: input))
    } else {
      slots[slot].input = input
    }
    tokensByStream[input.stream.id] = token(slot)
    return token(slot)
  }

  func token(ofStream id: UInt64) -> UInt64? { tokensByStream[id] }

  subscript(token: UInt64) -> LoggerInput? {
    let slot = Int(token & 0xFFFF_FFFF)
    guard slot < slots.count, slots[slot].generation == UInt32(token >> 32) else { return nil }
    return slots[slot].input
  }

  mutating func remove(_ token: UInt64) {
    guard let input = self[token] else { return }
    tokensByStream[input.stream.id] = nil
    let slot = Int(token & 0xFFFF_FFFF)
    slots[slot] = (generation: slots[slot].generation &+ 1, input: nil)
    free.append(slot)
    count -= 1
  }

  /// In the order in which the streams were made.
  var tokens: [UInt64] { tokensByStream.sorted { $0.key < $1.key }.map(\.value) }

  private func token(_ slot: Int) -> UInt64 {
    UInt64(slots[slot].generation) << 32 | UInt64(slot)
  }
}
