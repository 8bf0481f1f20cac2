package import SupervConfig
import SupervProtocol
package import SupervSystem
import SupervisionTree

/// The logger and what it has in hand: a child like any other, started again when it dies. Pipes
/// stay open here until it says that all of a stream is written, so that the next logger can go on.
package final class LoggerProcess {
  /// Events that wait for a logger whose disk hangs, in bytes, behind the pipe's own capacity.
  private static let maximumQueuedEventBytes = 4 << 20
  private static let eventPipeBytes: Int32 = 1 << 20
  /// How long the end of superv waits for the logger to write what is left. After that it goes on
  /// alone until it has.
  private static let finishMilliseconds: UInt32 = 5000

  /// A stream that is not written to its end.
  private final class Stream {
    let facts: LogStream
    let pipe: LogPipe
    /// As far as the logger that has it now has said.
    var usage: StreamUsage?

    init(_ facts: LogStream, _ pipe: LogPipe) {
      self.facts = facts
      self.pipe = pipe
    }
  }

  private final class Process {
    let pid: Int32
    let pidfd: Descriptor
    let link: LoggerLink
    let startedAt: MonotonicTime
    var waitsToWrite = false

    init(
      _ process: consuming SpawnedProcess, _ link: LoggerLink, at time: MonotonicTime
    ) {
      pid = process.pid
      pidfd = process.takeDescriptor()
      self.link = link
      startedAt = time
    }
  }

  private let settings: DaemonSettings
  private let mirrorsOutput: Bool
  private var streams: [UInt64: Stream] = [:]
  private var nextStream: UInt64 = 1
  /// Not handed over yet, because the link was full.
  private var unsent: [UInt64] = []
  private var process: Process?
  private(set) var restartAt: MonotonicTime?
  /// Grows with each quick death, so that a logger that cannot live costs nothing.
  private var restartDelay = Duration.zero
  private let events: RecordPipe
  private let records = RecordPipes()
  /// What the streams of an agent instance have brought that are over, by its name.
  private var pastUsage: [String: LogUsage] = [:]
  /// Whether the logger has answered the last `reportUsage`.
  private(set) var isUsageCurrent = true

  /// - Parameter mirrorsOutput: agents' lines also go to standard output.
  package init(_ settings: DaemonSettings, mirrorsOutput: Bool) throws(SystemError) {
    self.settings = settings
    self.mirrorsOutput = mirrorsOutput
    let pipe = try LogPipe.forRecords(bytes: Self.eventPipeBytes)
    events = RecordPipe(
      pipe, token: LinuxKernel.Source.eventPipe.token(),
      maximumQueuedBytes: Self.maximumQueuedEventBytes
    ) { count, _ in Array(#"{"event":"log.lost","count":\#(count)}"#.utf8) }
    let file = LogFileSettings(
      path: "\(settings.logDirectory)/events.ndjson", format: .json,
      maximumBytes: settings.eventLog.maximumBytes, maximumFiles: settings.eventLog.maximumFiles)
    _ = keep(.events, LogOrigin(name: "events", agent: "events"), file, pipe)
  }

  var pid: Int32? { process?.pid }

  // MARK: The process

  func start(_ now: MonotonicTime, _ poll: borrowing EventPoll) throws(SystemError) {
    let pair = try UnixSocket.pair(kind: .packets)
    let process = try pair.split { (ours, theirs) throws(SystemError) -> Process in
      var request = SpawnRequest(command: ["superv", "logger"], environment: [])
      request.candidates = ["/proc/self/exe"]
      request.directory = "/"
      // It holds a pipe for every stream: the raised limit is for it as well.
      request.extraDescriptors = [.init(source: theirs.number, target: 3)]
      let link = try LoggerLink(socket: ours)
      do throws(SpawnError) {
        return Process(try spawn(request), link, at: now)
      } catch {
        throw SystemError(error.stage.call, code: error.code, subject: "superv logger")
      }
    }
    // The next logger counts from zero: what this one has said is over.
    for stream in streams.values {
      pastUsage[stream.facts.origin.name, default: LogUsage()].add(stream.usage)
      stream.usage = nil
    }
    isUsageCurrent = true
    try poll.add(process.link.socket, token: LinuxKernel.Source.logger.token(), for: .readable)
    try poll.add(process.pidfd, token: LinuxKernel.Source.loggerProcess.token(), for: .readable)
    self.process = process
    restartAt = nil
    unsent = streams.keys.sorted()
    _ = try process.link.send(
      LoggerCommand.configure(
        directory: settings.logDirectory, totalMaximumBytes: settings.logTotalMaximumBytes,
        mirrorsToTerminal: mirrorsOutput))
    handOver()
  }

  /// It has died: what it had in hand stays in the pipes for the next one.
  func takeEnd(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard let dead = process, (try? Processes.reap(dead.pidfd)) != nil else { return }
    try? poll.remove(dead.link.socket)
    try? poll.remove(dead.pidfd)
    process = nil
    let livedLong = now - dead.startedAt > .seconds(10)
    restartDelay = livedLong ? .zero : min(.seconds(5), max(.milliseconds(100), restartDelay * 2))
    restartAt = now + (livedLong ? .zero : restartDelay)
  }

  func restartIfDue(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard let due = restartAt, due <= now else { return }
    do {
      try start(now, poll)
    } catch {
      restartDelay = min(.seconds(5), max(.milliseconds(100), restartDelay * 2))
      restartAt = now + restartDelay
    }
  }

  func takeReports(_ poll: borrowing EventPoll, _ found: inout [KernelEvent]) {
    guard let link = process?.link else { return }
    // Its end is seen on its pidfd.
    while case .report(let report) = (try? link.receive()) ?? .ended {
      take(report)
      if case .usage = report { continue }
      found.append(.logger(report))
    }
    handOver()
  }

  private func take(_ report: LoggerReport) {
    switch report {
    case .closed(let id, let lines, let bytes, let droppedLines):
      guard let stream = streams.removeValue(forKey: id) else { return }
      stream.usage = StreamUsage(
        stream: id, lines: lines, bytes: bytes, droppedLines: droppedLines)
      pastUsage[stream.facts.origin.name, default: LogUsage()].add(stream.usage)
    case .usage(let usages, let isLast):
      for usage in usages { streams[usage.stream]?.usage = usage }
      if isLast { isUsageCurrent = true }
    case .fault, .recovered, .lost: break
    }
  }

  /// Asks what the streams have brought; `isUsageCurrent` turns true when the answer is here.
  func askUsage() {
    guard let process else { return }
    isUsageCurrent = (try? process.link.send(.reportUsage)) != .sent
  }

  /// What every agent instance has said so far, by its name.
  var usage: [String: LogUsage] {
    var total = pastUsage
    for stream in streams.values {
      total[stream.facts.origin.name, default: LogUsage()].add(stream.usage)
    }
    return total
  }

  // MARK: Streams

  /// Both outputs of an incarnation go to the logger; the ends to write to are the agent's alone.
  func open(_ launch: Launch, pid: Int32, _ pipes: LogPipes) {
    let agent = launch.agent
    let origin = LogOrigin(
      name: agent.specification.name, agent: agent.agent, instance: agent.instance,
      incarnation: launch.key.incarnation, processID: pid)
    pipes.output.closeWriter()
    pipes.errors.closeWriter()
    unsent.append(keep(.stdout, origin, launch.log, pipes.output))
    unsent.append(keep(.stderr, origin, launch.log, pipes.errors))
  }

  private func keep(
    _ kind: LogStreamKind, _ origin: LogOrigin, _ file: LogFileSettings, _ pipe: LogPipe
  ) -> UInt64 {
    let id = nextStream
    nextStream += 1
    streams[id] = Stream(LogStream(id: id, kind: kind, origin: origin, file: file), pipe)
    return id
  }

  func update(_ file: LogFileSettings) { _ = try? process?.link.send(.update(file)) }

  /// Gives the logger the streams it does not have yet, as far as the link takes them. Called once
  /// a turn, when everything that keeps agents alive is done.
  func handOver() {
    guard let link = process?.link, !unsent.isEmpty else { return }
    var sentCount = 0
    for id in unsent {
      guard let stream = streams[id] else {
        sentCount += 1
        continue
      }
      // A full link takes the rest later; a broken one is seen on the pidfd.
      guard let outcome = try? link.open(stream.facts, pipe: stream.pipe.reader),
        outcome != .refused
      else { break }
      sentCount += 1
    }
    unsent.removeFirst(sentCount)
  }

  func watchLink(_ poll: borrowing EventPoll) {
    guard let process else { return }
    _ = try? process.link.flush()
    let waits = process.link.hasQueued
    guard waits != process.waitsToWrite else { return }
    process.waitsToWrite = waits
    try? poll.change(
      process.link.socket, token: LinuxKernel.Source.logger.token(),
      for: waits ? [.readable, .writable] : .readable)
  }

  // MARK: Records of our own

  /// - Parameter line: without its newline.
  func writeEvent(_ line: [UInt8], _ poll: borrowing EventPoll) { events.write(line, poll) }

  func flushEvents(_ poll: borrowing EventPoll) { events.flush(poll) }

  /// - Throws: `SystemError` when there is no pipe to be had.
  func writeRecord(
    _ line: [UInt8], to place: AgentLogPlace, isLast: Bool, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    try records.write(line, to: place, isLast: isLast, poll) { pipe in
      unsent.append(keep(.raw, place.origin, place.file, pipe))
    }
  }

  func flushRecords(_ number: UInt64, _ poll: borrowing EventPoll) { records.take(number, poll) }

  func endRecords(of process: ProcessKey, _ poll: borrowing EventPoll) {
    records.end(process, poll)
  }

  /// The event log ends, and the logger with the last stream.
  func finish(_ poll: borrowing EventPoll) {
    events.close(poll)
    records.closeAll(poll)
    handOver()
    guard let process else { return }
    _ = try? process.link.send(.finish(graceMilliseconds: Self.finishMilliseconds))
    _ = try? process.pidfd.wait(timeoutMilliseconds: Int64(Self.finishMilliseconds) + 1000)
    _ = try? Processes.reap(process.pidfd)
  }
}
