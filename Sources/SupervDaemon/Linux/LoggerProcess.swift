package import SupervConfig
import SupervProtocol
package import SupervSystem
package import SupervisionTree

/// The logger and what it has in hand: a child like any other, started again when it dies. Pipes
/// stay open here until it says that all of a stream is written, so that the next logger can go on.
package final class LoggerProcess {
  /// Events that wait for a logger whose disk hangs, in bytes, behind the pipe's own capacity.
  private static let maximumQueuedEventBytes = 4 << 20
  private static let eventPipeBytes: Int32 = 1 << 20
  /// How long the end of superv waits for the logger to write what is left. After that it goes on
  /// alone until it has.
  private static let finishMilliseconds: UInt32 = 5000
  /// And before that, for it to take what waits in the daemon.
  private static let drainMilliseconds: Int64 = 1000
  private static let shortDelay = Duration.milliseconds(100)
  /// In no more than this at once output goes into its pipe.
  private static let outputPieceBytes = 64 << 10

  private let settings: DaemonSettings
  private let mirrorsOutput: Bool
  private var streams = LogStreamTable()
  private var peer: LoggerPeer?
  private(set) var restartAt: MonotonicTime?
  /// Grows with each quick death, so that a logger that cannot live costs nothing.
  private var restartDelay = Duration.zero
  private let events: RecordPipe
  private let records = RecordPipes()
  /// The logger of another daemon has not said everything that it has.
  private var isAdopting = false
  /// Something it said has not arrived whole, perhaps a stream with its pipe: what it did not
  /// report, it may have.
  private var hasMissedStreams = false
  /// Agents whose streams some logger should have.
  private var running: [RunningOutput] = []
  /// Logs that a logger has to begin anew.
  private var uncleared: [String] = []
  private var news: [KernelEvent] = []
  /// Whether the logger has answered the last `reportUsage`.
  private(set) var isUsageCurrent = true

  private let executable: String

  /// - Parameters:
  ///   - mirrorsOutput: agents' lines also go to standard output.
  ///   - executable: superv.
  package init(
    _ settings: DaemonSettings, mirrorsOutput: Bool, executable: String = "/proc/self/exe"
  ) throws(SystemError) {
    self.settings = settings
    self.executable = executable
    self.mirrorsOutput = mirrorsOutput
    let pipe = try LogPipe.forRecords(bytes: Self.eventPipeBytes)
    events = RecordPipe(
      pipe, token: LinuxKernel.Source.eventPipe.token(),
      maximumQueuedBytes: Self.maximumQueuedEventBytes
    ) { count, _ in Array(#"{"event":"log.lost","count":\#(count)}"#.utf8) }
    let file = LogFileSettings(
      path: "\(settings.logDirectory)/events.ndjson", format: .json,
      maximumBytes: settings.eventLog.maximumBytes, maximumFiles: settings.eventLog.maximumFiles)
    _ = streams.add(.events, LogOrigin(name: "events", agent: "events"), file, pipe)
  }

  package var pid: Int32? { peer?.pid }

  // MARK: The process

  /// Goes on with the logger of a daemon before, if one lives; starts one otherwise.
  package func begin(
    _ now: MonotonicTime, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    let peer: LoggerPeer
    switch try LoggerPeer.find(at: socketPath, now) {
    case .found(let found):
      peer = found
      streams.beginWithOldLogger()
      isAdopting = true
    case .nobody:
      peer = try LoggerPeer.start(executable, listeningAt: socketPath, now)
      streams.beginWithNewLogger()
      isAdopting = false
    case .busy: return putOff(now)
    }
    try peer.watch(poll)
    self.peer = peer
    restartAt = nil
    hasMissedStreams = false
    isUsageCurrent = true
    _ = try? peer.link.begin(
      .configure(
        directory: settings.logDirectory, totalMaximumBytes: settings.logTotalMaximumBytes,
        mirrorsToTerminal: mirrorsOutput))
    if !isAdopting { reattach() }
    handOver()
  }

  private var socketPath: String { "\(settings.runtimeDirectory)/logger.sock" }

  /// It has died: what it had in hand stays in the pipes for the next one.
  package func takeEnd(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard let peer, peer.hasEnded else { return }
    while case .report(let report) = (try? peer.link.receive()) ?? .ended {
      take(report, on: peer.link)
    }
    peer.letGo(poll)
    self.peer = nil
    if now - peer.startedAt > .seconds(10) {
      restartDelay = .zero
      restartAt = now
    } else {
      putOff(now)
    }
  }

  private func putOff(_ now: MonotonicTime) {
    restartDelay = min(.seconds(5), max(Self.shortDelay, restartDelay * 2))
    restartAt = now + restartDelay
  }

  package func restartIfDue(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard let due = restartAt, due <= now else { return }
    peer?.letGo(poll)
    peer = nil
    do {
      try begin(now, poll)
    } catch {
      putOff(now)
    }
  }

  package func takeReports(
    _ now: MonotonicTime, _ poll: borrowing EventPoll, _ found: inout [KernelEvent]
  ) {
    guard let peer, !peer.isCutOff else { return }
    var isAtEnd = false
    while !isAtEnd {
      switch (try? peer.link.receive()) ?? .ended {
      case .report(let report): take(report, on: peer.link)
      case .malformed: hasMissedStreams = true
      case .wouldBlock: isAtEnd = true
      case .ended:
        // Mostly it has died, which its pidfd says next. Else it is connected to again.
        isAtEnd = true
        peer.cutOff(poll)
        restartAt = now + Self.shortDelay
      }
    }
    handOver()
    takeNews(&found)
  }

  private func take(_ report: LoggerReport, on link: LoggerLink) {
    switch report {
    case .closed(let id, let lines, let bytes, let droppedLines):
      streams.close(
        StreamUsage(stream: id, lines: lines, bytes: bytes, droppedLines: droppedLines))
    case .usage(let usages, let isLast):
      streams.note(usages)
      if isLast { isUsageCurrent = true }
    case .adopted(let stream):
      if let pipe = link.takePipe() {
        streams.adopt(stream, pipe: pipe)
      } else {
        hasMissedStreams = true
      }
    case .adoptedAll:
      streams.endWithOldLogger()
      isAdopting = false
      reattach()
    case .fault, .recovered, .lost: news.append(.logger(report))
    }
  }

  /// What has happened apart from reports.
  package func takeNews(_ found: inout [KernelEvent]) {
    guard !news.isEmpty else { return }
    found += news
    news = []
  }

  /// Asks what the streams have brought; `isUsageCurrent` turns true when the answer is here.
  func askUsage() {
    guard let peer else { return }
    isUsageCurrent = (try? peer.link.send(.reportUsage)) != .sent
  }

  /// What every agent instance has said so far, by its name.
  var usage: [String: LogUsage] { streams.usage }
  var streamCount: Int { streams.count }
  var recordPipeCount: Int { records.count }

  // MARK: Agents

  /// Gives the logger both outputs of an incarnation that is going to be started, so that nothing
  /// is lost whoever dies when. `settle` has to follow.
  ///
  /// - Parameters:
  ///   - origin: without a pid.
  ///   - errorFile: nil: standard error goes to `file` as well.
  ///   - taps: those that the logger does not get.
  package func prepare(
    _ origin: LogOrigin, _ file: LogFileSettings, errors errorFile: LogFileSettings? = nil,
    _ pipes: LogPipes, except taps: Set<OutputChannel> = []
  ) -> PreparedOutput {
    let prepared = PreparedOutput(
      output: taps.contains(.stdout) ? nil : streams.add(.stdout, origin, file, pipes.output),
      errors: taps.contains(.stderr)
        ? nil : streams.add(.stderr, origin, errorFile ?? file, pipes.errors),
      pipes: pipes)
    if let peer { streams.handOverAside(on: peer.link) }
    return prepared
  }

  /// The ends to write to are the agent's alone from now on.
  ///
  /// - Parameter pid: nil: it could not be started.
  package func settle(_ prepared: PreparedOutput, pid: Int32?) {
    prepared.pipes.output.closeWriter()
    prepared.pipes.errors.closeWriter()
    for stream in [prepared.output, prepared.errors].compactMap(\.self) {
      streams.identify(stream, as: pid ?? 0)
    }
    if streams.hasManyIdentified { handOver() }
  }

  /// Sees that the output of agents that a daemon before has started is read: by the logger that
  /// has their pipes or, if it has died or has never got them, by the one there is now, through
  /// new ends of the same pipes. Never by two.
  ///
  /// A pipe that cannot be opened again becomes a `fault` of its log file.
  package func adoptStreams(_ running: [RunningOutput]) {
    self.running += running
    if peer != nil && !isAdopting { reattach() }
  }

  private func reattach() {
    guard !running.isEmpty else { return }
    let known = streams.byInode
    // Named twice, it is still one agent.
    for agent in Set(running) {
      for (kind, inode, file) in agent.pipes {
        if let stream = known[inode] {
          adjust(stream, to: file, of: agent)
        } else if hasMissedStreams {
          fault(
            agent.origin, agent.file,
            "superv had no descriptors left when it took over from another daemon")
        } else {
          reattach(agent, kind, inode, file)
        }
      }
    }
    running = []
    handOver()
  }

  /// What the daemon before did not come to say, and what the configuration says now.
  private func adjust(
    _ stream: LogStream, to file: LogFileSettings, of agent: RunningOutput
  ) {
    if stream.awaitsProcess { streams.identify(stream.id, as: agent.origin.processID) }
    if stream.file.path == file.path, stream.file != file { update(file) }
  }

  private func reattach(
    _ agent: RunningOutput, _ kind: LogStreamKind, _ inode: UInt64, _ file: LogFileSettings
  ) {
    do {
      guard let pipe = try LogPipe.reopened(inode: inode, of: agent.origin.processID) else {
        return
      }
      _ = streams.add(kind, agent.origin, file, pipe)
    } catch {
      fault(agent.origin, agent.file, "\(error)")
    }
  }

  /// Tells that what an agent writes, who runs on, goes nowhere.
  func fault(_ origin: LogOrigin, _ file: LogFileSettings, _ why: String) {
    let text = "output of \(origin.name) (pid \(origin.processID)) is not read: \(why)"
    news.append(
      .logger(
        .fault(
          path: file.path, code: 0, text: text, sinceNanoseconds: Clock.realTimeNanoseconds)))
  }

  func update(_ file: LogFileSettings) {
    streams.update(file)
    _ = try? peer?.link.send(.update(file))
  }

  /// Begins a log anew, as soon as there is a logger.
  package func clear(_ path: String) {
    if !uncleared.contains(path) { uncleared.append(path) }
  }

  /// Gives the logger what it does not know yet, as far as the link takes it. Called once a turn,
  /// when everything that keeps agents alive is done.
  package func handOver() {
    guard let peer else { return }
    streams.handOver(on: peer.link)
    while let path = uncleared.first {
      guard let outcome = try? peer.link.send(.clear(path: path)),
        outcome != .refused || path.utf8.count > LoggerCommand.longestPathBytes
      else { return }
      uncleared.removeFirst()
    }
  }

  package func watchLink(_ poll: borrowing EventPoll) {
    guard let peer else { return }
    _ = try? peer.link.flush()
    peer.watchForWriting(poll)
  }

  // MARK: Records of our own

  /// - Parameter line: without its newline.
  package func writeEvent(_ line: [UInt8], _ poll: borrowing EventPoll) {
    events.write(line + [UInt8(ascii: "\n")], poll)
  }

  package func flushEvents(_ poll: borrowing EventPoll) { events.flush(poll) }

  /// - Parameters:
  ///   - line: without its newline.
  ///   - isLast: whether the process has ended, so that hardly more will come.
  /// - Throws: `SystemError` when there is no pipe to be had.
  func writeRecord(
    _ line: [UInt8], to place: AgentLogPlace, isLast: Bool, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    try write(line + [UInt8(ascii: "\n")], .raw, to: place, poll)
    if isLast { endRecords(of: place.process, poll) }
  }

  func endRecords(of process: ProcessKey, _ poll: borrowing EventPoll) {
    records.end(.init(process: process, kind: .raw), poll)
  }

  /// Passes on what the daemon has read of an output, however much it is.
  ///
  /// - Returns: whether something of it has to wait for the logger.
  package func writeOutput(
    _ bytes: [UInt8], _ channel: OutputChannel, to place: AgentLogPlace,
    _ poll: borrowing EventPoll
  ) -> Bool {
    let name = RecordPipes.Name(process: place.process, kind: channel.kind)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Self.outputPieceBytes)
      let piece = Array(bytes[start..<end])
      do {
        try write(piece, channel.kind, to: place, poll)
      } catch {
        records.countLoss(of: piece, name)
      }
      start = end
    }
    return records.queuedByteCount(name) > 0
  }

  /// Nothing more comes of its outputs.
  package func endOutput(of process: ProcessKey, _ poll: borrowing EventPoll) {
    for channel in OutputChannel.allCases {
      records.end(.init(process: process, kind: channel.kind), poll)
    }
  }

  private func write(
    _ bytes: [UInt8], _ kind: LogStreamKind, to place: AgentLogPlace, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    try records.write(bytes, kind, to: place, poll) { pipe in
      _ = streams.add(kind, place.origin, place.file, pipe)
    }
  }

  /// A pipe of records or of output takes more.
  ///
  /// - Returns: whose it is, when nothing waits any more.
  func flushRecords(_ number: UInt64, _ poll: borrowing EventPoll) -> RecordPipes.Name? {
    records.take(number, poll)
  }

  /// The event log ends, and the logger with the last stream.
  package func finish(_ poll: borrowing EventPoll) {
    events.close(poll)
    records.closeAll(poll, atMostMilliseconds: Self.drainMilliseconds)
    handOver()
    // First this: a logger that nobody can find any more would wait for the next daemon in vain.
    _ = try? peer?.link.send(.finish(graceMilliseconds: Self.finishMilliseconds))
    try? Files.remove(socketPath)
    guard let peer else { return }
    peer.waitForEnd(atMostMilliseconds: Int64(Self.finishMilliseconds) + 1000)
  }
}
