import SupervSystem

/// The pipes through which records of agents go to the logger: one for each process that has said
/// something for its log, made when it first does.
final class RecordPipes {
  /// Records of one process that wait for a logger whose disk hangs, in bytes.
  private static let maximumQueuedBytes = 256 << 10
  /// And of all of them.
  private static let maximumTotalBytes = 16 << 20

  private var pipes: [UInt64: RecordPipe] = [:]
  private var numbers: [ProcessKey: UInt64] = [:]
  private var nextNumber: UInt64 = 1
  private var totalBytes = 0

  /// - Parameters:
  ///   - line: without its newline.
  ///   - isLast: whether the process has ended, so that hardly more will come.
  ///   - open: makes the stream known to the logger.
  func write(
    _ line: [UInt8], to place: AgentLogPlace, isLast: Bool, _ poll: borrowing EventPoll,
    open: (LogPipe) -> Void
  ) throws(SystemError) {
    let number =
      if let known = numbers[place.process] { known } else { try make(place, open: open) }
    let hasRoom = totalBytes + line.count < Self.maximumTotalBytes
    change(number) { $0.write(line, poll, hasRoom: hasRoom) }
    if isLast { end(place.process, poll) }
  }

  private func make(
    _ place: AgentLogPlace, open: (LogPipe) -> Void
  ) throws(SystemError) -> UInt64 {
    let ends = try LogPipe.forRecords()
    let number = nextNumber
    nextNumber += 1
    pipes[number] = RecordPipe(
      ends, token: LinuxKernel.Source.recordPipe.token(number),
      maximumQueuedBytes: Self.maximumQueuedBytes
    ) { records, bytes in
      place.mark(
        lostRecords: records, lostBytes: bytes, realTimeNanoseconds: Clock.realTimeNanoseconds)
    }
    numbers[place.process] = number
    open(ends)
    return number
  }

  /// The process has ended: its stream does, once what waits is written.
  func end(_ process: ProcessKey, _ poll: borrowing EventPoll) {
    guard let number = numbers.removeValue(forKey: process) else { return }
    change(number) { $0.end(poll) }
  }

  /// The pipe takes more.
  func take(_ number: UInt64, _ poll: borrowing EventPoll) {
    change(number) { $0.flush(poll) }
  }

  private func change(_ number: UInt64, _ body: (RecordPipe) -> Void) {
    guard let pipe = pipes[number] else { return }
    let before = pipe.queuedByteCount
    body(pipe)
    totalBytes += pipe.queuedByteCount - before
    if pipe.isClosed { pipes[number] = nil }
  }

  /// The end of superv.
  func closeAll(_ poll: borrowing EventPoll) {
    for pipe in pipes.values { pipe.close(poll) }
  }
}
