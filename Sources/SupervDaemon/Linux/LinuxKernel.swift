package import SupervConfig
import SupervProtocol
package import SupervSystem
package import SupervisionTree

/// A socket that listens, on its way to the kernel: arrays cannot hold what cannot be copied.
final class ListeningSocket {
  let door: ConnectionID.Door
  /// By which the next daemon is given it.
  let name: String
  /// Of supervisord's servers, which.
  let server: Int
  private var descriptor: Descriptor?

  init(
    _ door: ConnectionID.Door, _ descriptor: consuming Descriptor, name: String? = nil,
    server: Int = 0
  ) {
    self.door = door
    self.name = name ?? "\(door)"
    self.server = server
    self.descriptor = Optional(descriptor)
  }

  func take() -> Descriptor? { descriptor.take() }

  var number: Int32 { descriptor?.number ?? -1 }
}

/// The machine itself: one epoll instance over pidfds, signals, the alarm, the sockets with
/// their connections, probes, and the logger.
///
/// Every source has a token that holds its kind and a number that is never used twice, so that an
/// event that is out of date is dropped.
package final class LinuxKernel: Kernel {
  enum Source: UInt64 {
    case process = 1
    case signals, alarm, door, connection, logger, loggerProcess, eventPipe
    case notifySocket, notifyPipe, probe, probeProcess, recordPipe, gauge, keeper
    case tap, input, reader, readerProcess

    /// The upper byte says what, the rest which.
    func token(_ number: UInt64 = 0) -> UInt64 { rawValue << 56 | number }

    static func of(_ token: UInt64) -> (source: Source, number: UInt64)? {
      Source(rawValue: token >> 56).map { ($0, token & (1 << 56 - 1)) }
    }
  }

  let poll: EventPoll
  private let signals: SignalDescriptor
  private let alarm: TimerDescriptor
  private var alarmTime: MonotonicTime?
  let processes: ProcessTable
  let sharedSockets: SharedSockets
  let connections: ConnectionTable
  let logs: LoggerProcess
  let journal: JournalFile
  let keeper: KeeperWatch?
  package let boot: String
  /// Processes of an earlier daemon that ended while nobody looked.
  var unseenEnds: [ProcessKey] = []
  /// Ends that the daemon takes in before it waits again.
  private var told: [ProcessKey] = []
  private let notifySocket: NotifySocket
  let notifyPipes = NotifyPipes()
  let probes = ProbeTable()
  let taps = OutputTaps()
  let inputs = AgentInputs()
  let reader: FileReader
  let trees: TreeKiller
  let limits = LimitWatch()
  private var ready: [EventPoll.Event] = []
  /// Made when there is time, for restarts, which have none.
  var sparePipes: [LogPipes] = []
  private static let sparePipeCount = 4
  /// The last wake-up brought ends, and everything else was left for this one.
  private var hasDeferred = false
  /// When to look for dead orphans. Finding them costs a walk over all children, so that waits
  /// until what died is replaced, and one walk does for many.
  private var orphansDue: MonotonicTime?
  private var survey: ProcessSurvey?
  /// A survey that waits for the logger's part.
  private var finished = Survey()
  /// When the survey no longer waits for the logger, which a disk may hold up.
  private var surveyDeadline: MonotonicTime?
  private static let surveyPatience = Duration.milliseconds(200)
  private static let orphanDelay = Duration.milliseconds(250)
  /// The journal was written anew, which takes as much memory as all that the daemon knows.
  var hasMemoryToGiveBack = false
  /// Nothing was given back yet: what the start has needed comes with it.
  private var isStarting = true

  /// - Parameters:
  ///   - sockets: that listen, each one for its door.
  ///   - notifySocket: of datagrams.
  ///   - journal: of the runtime directory.
  ///   - inherited: pidfds of processes whose ends nobody else could tell.
  ///   - sharedSockets: that groups of agents accept on.
  ///   - logs: without a logger yet.
  ///   - trees: owns what agents start.
  ///   - openFiles: the limit that agents get unless they say otherwise.
  ///   - executable: superv.
  init(
    sockets: [ListeningSocket], notifySocket: consuming Descriptor, journal: JournalFile,
    keeper: KeeperWatch?, inherited: InheritedDescriptors, sharedSockets: SharedSockets,
    logs: LoggerProcess,
    trees: TreeKiller, openFiles: ProcessLimit, executable: String
  ) throws(SystemError) {
    self.journal = journal
    self.keeper = keeper
    boot = try Processes.boot()
    poll = try EventPoll()
    signals = try SignalDescriptor([.child, .hangUp] + InitRole.stopSignals)
    alarm = try TimerDescriptor()
    self.sharedSockets = sharedSockets
    processes = ProcessTable(openFiles: openFiles, groups: trees.groups, inherited: inherited)
    connections = try ConnectionTable()
    self.logs = logs
    self.trees = trees
    reader = FileReader(executable: executable)
    self.notifySocket = try NotifySocket(notifySocket, poll)
    try Signal.pipe.ignore()
    try poll.add(signals.descriptor, token: Source.signals.token(), for: .readable)
    try poll.add(alarm.descriptor, token: Source.alarm.token(), for: .readable)
    for socket in sockets {
      if let descriptor = socket.take() {
        try connections.open(socket.door, descriptor, server: socket.server, poll)
      }
    }
    if let keeper {
      // What agents of an earlier daemon leave behind comes to it.
      self.trees.reapers.append(Processes.parentPid)
      try poll.add(keeper.link.socket, token: Source.keeper.token(), for: .readable)
    }
    try logs.begin(MonotonicTime(nanoseconds: Clock.monotonicNanoseconds), poll)
  }

  package var now: MonotonicTime { MonotonicTime(nanoseconds: Clock.monotonicNanoseconds) }

  package var realTimeNanoseconds: Int64 { Clock.realTimeNanoseconds }

  package func beginSurvey() {
    guard survey == nil, surveyDeadline == nil else { return }
    survey = ProcessSurvey(processes.roots, orphans: orphans())
    surveyDeadline = now + Self.surveyPatience
    logs.askUsage()
  }

  private func advanceSurvey(_ events: inout [KernelEvent]) {
    guard let due = surveyDeadline else { return }
    if survey?.advance() == true { return }
    if let found = survey?.survey { finished = found }
    survey = nil
    guard logs.isUsageCurrent || due <= now else { return }
    surveyDeadline = nil
    finished.logs = logs.usage
    events.append(.surveyed(finished))
    finished = Survey()
  }

  package func setAlarm(at time: MonotonicTime?) {
    // One that comes early costs one wake-up; putting it off with every answer costs a call each.
    guard let time else { return }
    if let alarmTime, alarmTime <= time { return }
    alarmTime = time
    do {
      // 0 would turn it off; any point that is past fires at once.
      try alarm.arm(atNanoseconds: max(1, time.nanoseconds))
    } catch {
      preconditionFailure("\(error)")
    }
  }

  package func wait(_ events: inout [KernelEvent]) {
    logs.handOver()
    logs.watchLink(poll)
    connections.flush(poll, &events)
    for key in told {
      if let pid = processes.close(key) { keeper?.reap(pid) }
      forgetOutput(of: key)
    }
    told.removeAll(keepingCapacity: true)
    keeper?.serve()
    notifySocket.releaseBarriers()
    while sparePipes.count < Self.sparePipeCount, let pipes = try? LogPipes() {
      sparePipes.append(pipes)
    }
    inputs.takeNews(&events)
    events += unseenEnds.map { .ended($0, .unknown) }
    unseenEnds.removeAll()
    if let fault = journal.takeFault() {
      events.append(.journalFault("\(fault); a daemon that comes after this one knows too little"))
    }
    do {
      // Connections that broke while they were flushed are news already.
      try poll.wait(&ready, timeoutMilliseconds: events.isEmpty ? patienceMilliseconds : 0)
    } catch {
      preconditionFailure("\(error)")
    }
    for event in ready where isEnd(event) { takeEnd(event, &events) }
    // One look at the clock for all that may be due: what it misses comes with the next turn.
    let now = self.now
    trees.advance(now, isOwnChild, &events)
    taps.takeLastWords(poll, &events)
    for case .ended(let key, _) in events { told.append(key) }
    // A replacement does not wait for anybody's question, but no more than once: what is left out
    // here is still readable.
    hasDeferred = !events.isEmpty && !hasDeferred
    if hasDeferred { return }
    for event in ready where !isEnd(event) { take(event, &events) }
    probes.takeNews(&events)
    logs.takeNews(&events)
    reader.takeNews(&events)
    doHousework(now)
    advanceSurvey(&events)
    limits.advance(
      now, trees.groups, orphans: { self.trees.orphans(self.now, self.isOwnChild) }, poll, &events)
    // The alarm comes last: whatever it waits for may have come with it.
    if ready.contains(where: isAlarm), (try? alarm.acknowledge()) == true {
      alarmTime = nil
      events.append(.alarm)
    }
  }

  /// How long the loop may wait for something to happen; nil: for ever.
  private var patienceMilliseconds: Int32? {
    if survey != nil || probes.hasNews || reader.hasNews || trees.isBusy || limits.isBusy
      || trees.groups.isUntidy
    {
      return 0
    }
    // No list of them: an array a turn is a tenth of what a call costs.
    let ownDue = earlier(earlier(orphansDue, logs.restartAt), surveyDeadline)
    let helpDue = earlier(reader.due, taps.due)
    return earlier(earlier(ownDue, helpDue), earlier(trees.due, limits.due)).map { due in
      Int32(clamping: max(0, (due - now).wholeNanoseconds / 1_000_000 + 1))
    }
  }

  private func doHousework(_ now: MonotonicTime) {
    logs.restartIfDue(now, poll)
    reader.advance(now, poll)
    taps.resumeIfDue(now, poll)
    trees.groups.tidy()
    if hasMemoryToGiveBack {
      OwnMemory.giveBack(includingProgram: isStarting)
      isStarting = false
      hasMemoryToGiveBack = false
    }
    guard let due = orphansDue, due <= now else { return }
    let isDone = processes.reapOrphans(except: isOwnChild)
    orphansDue = isDone ? nil : now + Self.orphanDelay
    trees.sweep(now, isOwnChild)
  }

  /// Whether superv has started a child itself, and knows it by a pidfd.
  private func isOwnChild(_ pid: Int32) -> Bool {
    processes.has(pid) || pid == logs.pid || probes.has(pid) || limits.has(pid)
      || reader.has(pid) || pid == Processes.ownPid
  }

  private func isEnd(_ event: EventPoll.Event) -> Bool {
    event.token >> 56 == Source.process.rawValue
  }

  private func isAlarm(_ event: EventPoll.Event) -> Bool {
    event.token >> 56 == Source.alarm.rawValue
  }

  private func takeEnd(_ event: EventPoll.Event, _ events: inout [KernelEvent]) {
    guard let (_, number) = Source.of(event.token),
      let (key, termination) = processes.takeEnd(number, poll)
    else { return }
    connections.takeLastWords(of: key, &events)
    notifyPipes.close(key, poll)
    inputs.end(key, poll)
    logs.endRecords(of: key, poll)
    limits.end(key)
    trees.leaderEnded(key, termination, now)
  }

  private func take(_ event: EventPoll.Event, _ events: inout [KernelEvent]) {
    guard let (source, number) = Source.of(event.token) else { return }
    switch source {
    case .process, .alarm: break
    case .signals: takeSignals(&events)
    case .door: connections.accept(at: Int(number), processes, poll, &events)
    case .connection: connections.take(number, event.readiness, poll, &events)
    case .logger: logs.takeReports(now, poll, &events)
    case .loggerProcess: logs.takeEnd(now, poll)
    case .eventPipe: logs.flushEvents(poll)
    case .recordPipe: flushRecords(number)
    case .notifySocket: notifySocket.take(processes, &events)
    case .notifyPipe: notifyPipes.take(number, poll, &events)
    case .probe: probes.take(number, poll, &events)
    case .probeProcess: probes.takeEnd(number, poll, &events)
    case .keeper: keeper?.take({ processes.adopted }, poll)
    case .gauge: limits.takeGauge(poll, &events)
    case .tap: taps.take(number, poll, &events)
    case .input: inputs.take(number, poll, &events)
    case .reader: reader.take(now, poll)
    case .readerProcess: reader.takeEnds(now, poll)
    }
  }

  private func takeSignals(_ events: inout [KernelEvent]) {
    while let arrival = try? signals.next() {
      if arrival.signal == .child {
        orphansDue = orphansDue ?? now + Self.orphanDelay
      } else {
        events.append(.signal(arrival.signal))
      }
    }
  }
}

extension LinuxKernel {
  package func signal(_ process: ProcessKey, _ signal: Signal) {
    processes.signal(process, signal)
  }

  package func kill(_ process: ProcessKey) {
    trees.kill(process)
    processes.signal(process, .kill)
  }

  package func orphans() -> [ProcessKey: [Int32]] { trees.orphans(now, isOwnChild) }

  package func problem(keeping limit: TreeLimit) -> String? {
    trees.groups.problem(keeping: [limit])
  }

  package var controlGroups: ControlGroupsReport { trees.groups.report }

  package func startProbe(_ probe: ProbeID, _ kind: ProbeKind, as launch: Launch) {
    probes.start(probe, kind, poll) { (words) throws(LaunchError) in
      var request = try processes.request(launch, command: words)
      trees.mark(&request, launch)
      return try CommandProbe.start(request) { (request) throws(LaunchError) in
        try processes.sandbox.start(request, launch.agent, isProbe: true)
      }
    }
  }

  package func cancelProbe(_ probe: ProbeID) { probes.cancel(probe, poll) }

  package func owner(ofProcess pid: Int32) -> ProcessKey? { processes.owner(of: pid) }

  package func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool {
    connections.send(bytes, to: connection)
  }

  package func send(
    to connection: ConnectionID, maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    connections.send(to: connection, maximumBytes: maximumBytes, write)
  }

  package func send() { connections.send() }

  package func close(_ connection: ConnectionID) { connections.close(connection) }

  package func writeEvent(_ line: [UInt8]) { logs.writeEvent(line, poll) }

  package func writeLog(_ line: [UInt8], to place: AgentLogPlace) -> Bool {
    // Incarnation 0 is no process: superv itself.
    let hasEnded = place.process.incarnation > 0 && !processes.isRunning(place.process)
    do {
      try logs.writeRecord(line, to: place, isLast: hasEnded, poll)
      return true
    } catch {
      return false
    }
  }

  /// Another daemon goes on: what the last turn had to say is sent, and nothing is stopped.
  func handOver() {
    var ignored: [KernelEvent] = []
    connections.flush(poll, &ignored)
    logs.handOver()
    logs.watchLink(poll)
    logs.flushEvents(poll)
  }

  /// The end of the daemon: what the last turn had to say is sent, what is still below it is
  /// killed, and the logger writes the rest.
  package func finish() {
    var ignored: [KernelEvent] = []
    connections.flush(poll, &ignored)
    probes.cancelAll(poll)
    reader.stop(poll)
    // A process that reads may hang on a disk; it ends when that lets it.
    trees.killAll { $0 == logs.pid || reader.has($0) || $0 == Processes.ownPid }
    logs.finish(poll)
    journal.remove()
  }
}
