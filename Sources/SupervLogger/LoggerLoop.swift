package import SupervSystem

/// The logger: reads every agent's pipe, writes records to files, and is the one process of superv
/// that may wait for a disk.
///
/// One turn takes each stream that has something once, so that an agent that never stops writing
/// costs the others no more than one buffer's worth of time. Nothing wakes it up while nothing
/// happens. It outlives the daemon, so that no line is lost with it, and the next daemon comes in
/// by the door; it ends when its streams have and no daemon came for some time.
package final class LoggerLoop {
  /// When the loop may end.
  enum Phase {
    /// There is a daemon, and more streams may come.
    case serving
    /// When every stream has ended, or at this point of monotonic time.
    case finishing(deadlineNanoseconds: Int64)
    /// The daemon is gone: when every stream has ended and, where another one can come in, some
    /// time has passed.
    case orphaned(sinceNanoseconds: Int64)
  }

  /// Events of streams that had ended by then.
  package private(set) var staleEvents: UInt64 = 0
  /// Messages of the daemon that were none.
  package internal(set) var malformedCommands: UInt64 = 0
  /// Connections of other users.
  package var refusals: UInt64 { door.refusals }

  let options: LoggerOptions
  let poll: EventPoll
  private let standardOutput: Descriptor?
  let store: LogStore
  private let buffer: ReadBuffer
  private let encoder = RecordEncoder()
  private var events: [EventPoll.Event] = []
  private(set) var inputs = InputTable()
  let outbox: ReportOutbox
  let door: LoggerDoor
  var phase: Phase
  private var mirror: Mirror?
  private var isMirrorWatched = false

  static let linkToken = UInt64.max
  private static let mirrorToken = UInt64.max - 1
  private static let doorToken = UInt64.max - 2

  /// - Parameters:
  ///   - link: A connected SOCK_SEQPACKET socket whose other end is a `LoggerLink`; without one,
  ///     open streams with `open`.
  ///   - listener: A listening SOCK_SEQPACKET socket for daemons to come; without one, the loop
  ///     ends with the last stream when the link has ended.
  ///   - standardOutput: Where the mirror shows lines, if it is turned on.
  package init(
    link: consuming Descriptor?, listener: consuming Descriptor? = nil,
    standardOutput: consuming Descriptor? = nil, options: LoggerOptions = LoggerOptions()
  ) throws(SystemError) {
    self.options = options
    poll = try EventPoll()
    self.standardOutput = standardOutput
    buffer = ReadBuffer(capacity: options.readBytes)
    store = LogStore(options: options)
    outbox = try ReportOutbox(link: link, limit: options.waitingReports)
    door = LoggerDoor(listener)
    phase =
      outbox.isConnected ? .serving : .orphaned(sinceNanoseconds: options.monotonicClock())
    try outbox.register(poll, token: LoggerLoop.linkToken)
    try door.register(poll, token: LoggerLoop.doorToken)
    store.report = { [outbox] report in outbox.append(report) }
  }

  /// Runs until the logger's work is done.
  package func run() throws(SystemError) {
    while try runOnce() {}
  }

  /// One turn: waits for something to happen and deals with it.
  ///
  /// - Parameter timeoutMilliseconds: How long to wait at most; nil: as long as it takes.
  /// - Returns: whether there is more to come; after false, everything is written and closed.
  package func runOnce(timeoutMilliseconds: Int32? = nil) throws(SystemError) -> Bool {
    if isDone {
      leave()
      return false
    }
    try poll.wait(&events, timeoutMilliseconds: waitMilliseconds(atMost: timeoutMilliseconds))
    // The end of an agent is not urgent here. It is for the daemon, which waits beside us for it.
    if events.contains(where: { $0.readiness == .hangUp }) { Scheduling.giveWay() }
    // The daemon's messages first: a change of settings should hold for what is read now.
    for event in events where event.token == LoggerLoop.linkToken { serveLink(event.readiness) }
    for event in events where event.token == LoggerLoop.doorToken { try serveDoor() }
    for event in events where event.token < LoggerLoop.doorToken {
      guard let input = inputs[event.token] else {
        staleEvents += 1
        continue
      }
      if read(input) == .ended { end(event.token, input) }
    }
    store.retry()
    if case .finishing(let deadline) = phase, options.monotonicClock() >= deadline { endAll() }
    serveMirror()
    outbox.flush()
    try outbox.updateInterest(poll, token: LoggerLoop.linkToken)
    if isDone {
      leave()
      return false
    }
    return true
  }

  /// Begins to log a stream, as the daemon's `open` does.
  package func open(_ stream: LogStream, pipe: consuming Descriptor) {
    // A daemon that does not know whether a stream arrived says it again.
    guard inputs.token(ofStream: stream.id) == nil else { return }
    let file = store.file(for: stream)
    let input = LoggerInput(stream, pipe: pipe, file: file)
    // Nobody is there to say which process it is.
    if !outbox.isConnected { input.identify(stream.origin.processID) }
    watch(inputs.insert(input), input)
  }

  /// Begins to read a stream, unless something has to come first.
  func watch(_ token: UInt64, _ input: LoggerInput) {
    guard !input.isWatched, !input.awaitsProcess else { return }
    if input.mayFollow, inputs.all.contains(where: input.follows) { return }
    input.isWatched = true
    do {
      try input.pipe.setNonblocking(true)
      try poll.add(input.pipe, token: token, for: .readable)
    } catch {
      store.report(
        .fault(
          path: input.stream.file.path, code: error.code, text: error.description,
          sinceNanoseconds: options.realTimeClock()))
      finish(token, input)
    }
  }

  private var isDone: Bool {
    switch phase {
    case .serving: false
    case .finishing: inputs.count == 0
    case .orphaned: inputs.count == 0 && (orphanDeadline ?? .min) <= options.monotonicClock()
    }
  }

  /// When the loop ends unless a daemon comes, in monotonic time; nil: not yet, or at once.
  private var orphanDeadline: Int64? {
    guard case .orphaned(let since) = phase, inputs.count == 0, door.isOpen else { return nil }
    return since + options.orphanNanoseconds
  }

  private func waitMilliseconds(atMost limit: Int32?) -> Int32? {
    var deadline = store.nextRetryNanoseconds
    if case .finishing(let end) = phase { deadline = min(deadline ?? .max, end) }
    if let end = orphanDeadline { deadline = min(deadline ?? .max, end) }
    guard let deadline else { return limit }
    let left = max(0, deadline - options.monotonicClock())
    // Rounded up: a wait that ends too early would only be repeated.
    return min(Int32(clamping: left / 1_000_000 + 1), limit ?? .max)
  }

  // MARK: The streams

  private enum ReadResult { case open, ended }

  private func read(_ input: LoggerInput) -> ReadResult {
    let room = unsafe UnsafeMutableBufferPointer(start: buffer.fresh, count: buffer.capacity)
    var span = unsafe room.mutableSpan
    let count: Int?
    do {
      count = try input.pipe.read(into: &span)
    } catch {
      return .ended
    }
    guard let count else { return .open }
    guard count > 0 else { return .ended }
    input.widen(afterRead: count)
    if input.isUntouched {
      unsafe pass(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(room)[..<count]), of: input)
    } else {
      encode(input.splitter.feed(buffer, count: count), of: input)
      input.count(encoder, bytes: count)
    }
    return .open
  }

  private func pass(_ bytes: UnsafeBufferPointer<UInt8>, of input: LoggerInput) {
    let lines = unsafe bytes.count { $0 == UInt8(ascii: "\n") }
    let dropped = unsafe input.file.write(bytes)
    input.countUntouched(
      lines: UInt64(lines), dropped: dropped, bytes: bytes.count)
  }

  private func encode(_ run: LineRun?, of input: LoggerInput) {
    encoder.begin(input.shape, time: options.realTimeClock())
    guard let run else { return }
    encoder.append(run, sink: input.file)
    encoder.end(input.file)
    guard let mirror, !input.shownName.isEmpty else { return }
    unsafe run.visit { line, count, _ in
      unsafe mirror.append(input.shownName, line, count: count)
    }
  }

  private func end(_ token: UInt64, _ input: LoggerInput) {
    // It may be registered through a copy that somebody else still holds.
    try? poll.remove(input.pipe)
    let rest = input.splitter.finish(buffer)
    if rest != nil && input.isOfDaemon {
      input.countTorn()
    } else {
      encode(rest, of: input)
      input.count(encoder, bytes: 0)
    }
    finish(token, input)
  }

  private func finish(_ token: UInt64, _ input: LoggerInput) {
    input.hasEnded = true
    inputs.remove(token)
    store.release(input.file)
    store.report(input.closed)
    guard input.mayFollow else { return }
    for successor in inputs.all where successor.follows(input) {
      if let token = inputs.token(ofStream: successor.stream.id) { watch(token, successor) }
    }
  }

  /// The time is up: takes what is in the pipes, a bounded amount of it, and ends all streams.
  private func endAll() {
    for token in inputs.tokens {
      guard let input = inputs[token] else { continue }
      for _ in 0..<LoggerLoop.lastReads {
        let before = input.bytes
        if read(input) == .ended || input.bytes == before { break }
      }
      end(token, input)
    }
  }

  /// A pipe holds 1 MiB at most by default (`/proc/sys/fs/pipe-max-size`).
  private static let lastReads = 16

  // MARK: The mirror

  func setMirror(_ isOn: Bool) {
    if !isOn {
      mirror?.flush()
      watchMirror(false)
      mirror = nil
    } else if mirror == nil {
      switch standardOutput {
      case .some(let output): mirror = try? Mirror(output)
      case .none: break
      }
    }
  }

  private func serveMirror() {
    guard let mirror else { return }
    mirror.flush()
    watchMirror(mirror.hasPending)
    if mirror.isClosed { self.mirror = nil }
  }

  private func watchMirror(_ isWatched: Bool) {
    guard let mirror, isWatched != isMirrorWatched else { return }
    // A regular file cannot be waited for, and need not be.
    try? mirror.watch(poll, token: LoggerLoop.mirrorToken, isWatched)
    isMirrorWatched = isWatched
  }

  /// The last turn: one more try for what could not be written, then everything is closed.
  private func leave() {
    door.close(poll)
    store.retry(force: true)
    mirror?.drain(forMilliseconds: LoggerLoop.farewellMilliseconds)
    outbox.drain(forMilliseconds: LoggerLoop.farewellMilliseconds)
    store.closeAll()
  }

  /// How long a slow reader of the mirror or of the reports can hold up the end.
  private static let farewellMilliseconds: Int64 = 1_000
}
