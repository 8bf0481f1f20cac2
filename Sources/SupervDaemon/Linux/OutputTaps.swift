import SupervSystem
import SupervisionTree

/// Outputs of processes that the daemon itself reads (`Launch.taps`), and the log files that they go
/// to afterwards.
///
/// A process is not read faster than the logger takes what is passed on of it: while something of
/// that waits, its pipe fills, and then the process waits, as it does for a logger that reads it.
/// But only for a moment: a disk that hangs keeps nobody from hearing a listener, and costs lines,
/// which are counted.
final class OutputTaps {
  private struct Name: Hashable {
    let process: ProcessKey
    let channel: OutputChannel
  }

  private final class Tap {
    let channel: OutputChannel
    var place: AgentLogPlace
    /// nil: it is read to its end.
    var pipe: LogPipe?
    /// The logger does not take what was read of it; until then it may have time to.
    var pausedUntil: MonotonicTime?
    /// It has not, and nobody waits for it until it does.
    var isUnwritten = false

    init(_ channel: OutputChannel, _ place: AgentLogPlace, _ pipe: LogPipe) {
      self.channel = channel
      self.place = place
      self.pipe = pipe
    }
  }

  /// Of one pipe, in one turn.
  private static let mostReadBytes = 64 << 10
  private static let leastReadBytes = 4 << 10
  /// Of all pipes, when many have something at once.
  private static let turnBytes = 1 << 20
  /// How long a logger may keep a process waiting.
  private static let patience = Duration.seconds(1)

  private var taps: [UInt64: Tap] = [:]
  private var numbers: [Name: UInt64] = [:]
  private var nextNumber: UInt64 = 1
  private var buffer = [UInt8](repeating: 0, count: mostReadBytes)
  private var pausedCount = 0

  /// Reads an output from now on.
  ///
  /// - Parameter pipe: whose end to read from is nonblocking.
  func open(
    _ channel: OutputChannel, _ place: AgentLogPlace, _ pipe: LogPipe, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    let number = nextNumber
    try poll.add(pipe.reader, token: LinuxKernel.Source.tap.token(number), for: .readable)
    nextNumber += 1
    taps[number] = Tap(channel, place, pipe)
    numbers[Name(process: place.process, channel: channel)] = number
  }

  /// The process runs.
  func identify(_ process: ProcessKey, pid: Int32) {
    for tap in taps(of: process) { tap.place.origin.processID = pid }
  }

  /// The log file that an output goes to; nil when it is none of these.
  func place(of process: ProcessKey, _ channel: OutputChannel) -> AgentLogPlace? {
    tap(Name(process: process, channel: channel))?.place
  }

  func update(_ file: LogFileSettings) {
    for tap in taps.values where tap.place.file.path == file.path { tap.place.file = file }
  }

  private func tap(_ name: Name) -> Tap? { numbers[name].flatMap { taps[$0] } }

  private func taps(of process: ProcessKey) -> [Tap] {
    OutputChannel.allCases.compactMap { tap(Name(process: process, channel: $0)) }
  }

  // MARK: Reading

  /// Takes a part of what is there: what is left is still there in the next turn.
  func take(_ number: UInt64, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard let tap = taps[number], tap.pausedUntil == nil else { return }
    let share = max(Self.leastReadBytes, min(Self.mostReadBytes, Self.turnBytes / taps.count))
    if read(tap, atMost: share, &events) == .ended { close(tap, poll) }
  }

  private enum Reading: Equatable {
    case some(Int)
    case nothing
    case ended
  }

  private func read(
    _ tap: Tap, atMost limit: Int, _ events: inout [KernelEvent]
  ) -> Reading {
    guard let pipe = tap.pipe else { return .ended }
    var buffer: [UInt8] = []
    swap(&buffer, &self.buffer)
    defer { swap(&buffer, &self.buffer) }
    // That changes only with the number of taps.
    if buffer.count != limit { buffer = [UInt8](repeating: 0, count: limit) }
    let count: Int?
    do {
      var span = buffer.mutableSpan
      count = try pipe.reader.read(into: &span)
    } catch {
      return .ended
    }
    guard let count else { return .nothing }
    guard count > 0 else { return .ended }
    events.append(.output(tap.place.process, tap.channel, Array(buffer[..<count])))
    return .some(count)
  }

  private func close(_ tap: Tap, _ poll: borrowing EventPoll) {
    guard let pipe = tap.pipe else { return }
    if tap.pausedUntil == nil { try? poll.remove(pipe.reader) } else { pausedCount -= 1 }
    tap.pausedUntil = nil
    tap.pipe = nil
  }

  /// Puts before each end what its process has left in its pipes. Somebody else may hold them open
  /// and write on: no more than fits into a pipe.
  func takeLastWords(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard !taps.isEmpty else { return }
    var index = 0
    while index < events.count {
      if case .ended(let process, _) = events[index] {
        var words: [KernelEvent] = []
        for tap in taps(of: process) { readOut(tap, poll, &words) }
        events.insert(contentsOf: words, at: index)
        index += words.count
      }
      index += 1
    }
  }

  private func readOut(_ tap: Tap, _ poll: borrowing EventPoll, _ words: inout [KernelEvent]) {
    var left = tap.pipe.map { Pipe.capacityBytes(of: $0.reader) } ?? 0
    while left > 0, case .some(let count) = read(tap, atMost: Self.mostReadBytes, &words) {
      left -= count
    }
    close(tap, poll)
  }

  /// The daemon knows of its end, or it was never started: nothing more is passed on.
  func forget(_ process: ProcessKey, _ poll: borrowing EventPoll) {
    for channel in OutputChannel.allCases {
      guard let number = numbers.removeValue(forKey: Name(process: process, channel: channel)),
        let tap = taps.removeValue(forKey: number)
      else { continue }
      close(tap, poll)
    }
  }

  // MARK: Waiting for the logger

  /// When somebody has waited long enough for the logger; nil: nobody waits.
  var due: MonotonicTime? {
    pausedCount == 0 ? nil : taps.values.compactMap(\.pausedUntil).min()
  }

  /// What is passed on of an output has to wait.
  func pause(
    _ process: ProcessKey, _ channel: OutputChannel, _ now: MonotonicTime,
    _ poll: borrowing EventPoll
  ) {
    guard let tap = tap(Name(process: process, channel: channel)), let pipe = tap.pipe,
      tap.pausedUntil == nil, !tap.isUnwritten
    else { return }
    try? poll.remove(pipe.reader)
    tap.pausedUntil = now + Self.patience
    pausedCount += 1
  }

  /// Nothing waits any more.
  func resume(_ process: ProcessKey, _ channel: OutputChannel, _ poll: borrowing EventPoll) {
    let name = Name(process: process, channel: channel)
    guard let number = numbers[name], let tap = taps[number] else { return }
    tap.isUnwritten = false
    readOn(tap, number, poll)
  }

  /// Lets those go on that have waited long enough.
  func resumeIfDue(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard pausedCount > 0 else { return }
    for (number, tap) in taps {
      guard let time = tap.pausedUntil, time <= now else { continue }
      tap.isUnwritten = true
      readOn(tap, number, poll)
    }
  }

  private func readOn(_ tap: Tap, _ number: UInt64, _ poll: borrowing EventPoll) {
    guard let pipe = tap.pipe, tap.pausedUntil != nil else { return }
    tap.pausedUntil = nil
    pausedCount -= 1
    // It was there before, so that nothing but a lack of memory can keep it from being there again.
    try? poll.add(pipe.reader, token: LinuxKernel.Source.tap.token(number), for: .readable)
  }
}
