import SupervSystem

/// The pipes through which the daemon writes to logs of agents: one for the records of a process,
/// and one for each output of it that the daemon passes on, made when there is first something.
final class RecordPipes {
  /// One of them.
  struct Name: Hashable {
    let process: ProcessKey
    /// `raw`: records.
    let kind: LogStreamKind
  }

  /// What of one pipe waits for a logger whose disk hangs, in bytes.
  private static let maximumQueuedBytes = 256 << 10
  /// Output comes in larger pieces, and a pipe that ends is read out at once.
  private static let maximumQueuedOutputBytes = 1 << 20
  /// And of all of them.
  private static let maximumTotalBytes = 16 << 20

  private var pipes: [UInt64: RecordPipe] = [:]
  private var numbers: [Name: UInt64] = [:]
  private var names: [UInt64: Name] = [:]
  /// There was no pipe to be had.
  private var losses: [Name: RecordPipe.Loss] = [:]
  private var nextNumber: UInt64 = 1
  private var totalBytes = 0

  var count: Int { pipes.count }

  /// - Parameters:
  ///   - bytes: of records whole lines.
  ///   - open: makes the stream known to the logger.
  /// - Throws: `SystemError` when there is no pipe to be had.
  func write(
    _ bytes: [UInt8], _ kind: LogStreamKind, to place: AgentLogPlace, _ poll: borrowing EventPoll,
    open: (LogPipe) -> Void
  ) throws(SystemError) {
    let name = Name(process: place.process, kind: kind)
    let number =
      if let known = numbers[name] { known } else { try make(name, place, open: open) }
    let hasRoom = totalBytes + bytes.count < Self.maximumTotalBytes
    change(number) { $0.write(bytes, poll, hasRoom: hasRoom) }
  }

  private func make(
    _ name: Name, _ place: AgentLogPlace, open: (LogPipe) -> Void
  ) throws(SystemError) -> UInt64 {
    let ends = try LogPipe.forRecords()
    let number = nextNumber
    nextNumber += 1
    pipes[number] = RecordPipe(
      ends, token: LinuxKernel.Source.recordPipe.token(number),
      maximumQueuedBytes: name.kind == .raw
        ? Self.maximumQueuedBytes : Self.maximumQueuedOutputBytes,
      loss: losses.removeValue(forKey: name) ?? RecordPipe.Loss()
    ) { lines, bytes in
      place.mark(
        lostRecords: lines, lostBytes: bytes, realTimeNanoseconds: Clock.realTimeNanoseconds)
    }
    numbers[name] = number
    names[number] = name
    open(ends)
    return number
  }

  /// Bytes for which there was no pipe: that is said where they are missing.
  func countLoss(of bytes: [UInt8], _ name: Name) {
    losses[name, default: RecordPipe.Loss()].add(bytes)
  }

  /// What waits for the logger, in bytes, behind what the pipe itself holds.
  func queuedByteCount(_ name: Name) -> Int {
    numbers[name].flatMap { pipes[$0]?.queuedByteCount } ?? 0
  }

  /// Nothing more comes for it: its stream ends once what waits is written.
  func end(_ name: Name, _ poll: borrowing EventPoll) {
    losses[name] = nil
    guard let number = numbers.removeValue(forKey: name) else { return }
    names[number] = nil
    change(number) { $0.end(poll) }
  }

  /// The pipe takes more.
  ///
  /// - Returns: whose it is, when nothing waits any more and it has not ended.
  func take(_ number: UInt64, _ poll: borrowing EventPoll) -> Name? {
    change(number) { $0.flush(poll) }
    return pipes[number]?.queuedByteCount == 0 ? names[number] : nil
  }

  private func change(_ number: UInt64, _ body: (RecordPipe) -> Void) {
    guard let pipe = pipes[number] else { return }
    let before = pipe.queuedByteCount
    body(pipe)
    totalBytes += pipe.queuedByteCount - before
    if pipe.isClosed { pipes[number] = nil }
  }

  /// The end of superv: what waits is written first, if the logger takes it in time.
  func closeAll(_ poll: borrowing EventPoll, atMostMilliseconds limit: Int64) {
    let deadline = Clock.monotonicNanoseconds + limit * 1_000_000
    for pipe in pipes.values {
      pipe.drain(untilNanoseconds: deadline, poll)
      pipe.close(poll)
    }
  }
}
