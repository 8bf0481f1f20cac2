import SupervSystem
import SupervisionTree

/// What a daemon's machine has beside connections: processes with what they leave behind, logs,
/// probes, files that are read. Each part acts on its own; here is when.
final class KernelParts {
  let processes: ProcessTable
  let sharedSockets: SharedSockets
  let logs: LoggerProcess
  let journal: JournalFile
  let keeper: KeeperWatch?
  let notifySocket: NotifySocket
  let notifyPipes = NotifyPipes()
  let probes = ProbeTable()
  let taps = OutputTaps()
  let inputs = AgentInputs()
  let reader: FileReader
  let trees: TreeKiller
  let limits = LimitWatch()
  private let signals: SignalDescriptor
  /// Processes of an earlier daemon that ended while nobody looked.
  var unseenEnds: [ProcessKey] = []
  /// Ends that the daemon takes in before it waits again.
  private var told: [ProcessKey] = []
  /// Made when there is time, for restarts, which have none.
  var sparePipes: [LogPipes] = []
  private static let sparePipeCount = 4
  /// When to look for dead orphans. Finding them costs a walk over all children, so that waits
  /// until what died is replaced, and one walk does for many.
  private var orphansDue: MonotonicTime?
  private static let orphanDelay = Duration.milliseconds(250)
  private var survey: ProcessSurvey?
  /// A survey that waits for the logger's part.
  private var finished = Survey()
  /// When the survey no longer waits for the logger, which a disk may hold up.
  private var surveyDeadline: MonotonicTime?
  private static let surveyPatience = Duration.milliseconds(200)
  /// The journal was written anew, which takes as much memory as all that the daemon knows.
  var hasMemoryToGiveBack = false
  /// Nothing was given back yet: what the start has needed comes with it.
  private var isStarting = true

  /// - Parameters:
  ///   - processes: whose groups are those of `trees`.
  ///   - sharedSockets: that groups of agents accept on.
  ///   - logs: without a logger yet.
  ///   - journal: of the runtime directory.
  ///   - trees: owns what agents start.
  ///   - notifySocket: of datagrams.
  ///   - executable: superv.
  init(
    processes: ProcessTable, sharedSockets: SharedSockets, logs: LoggerProcess,
    journal: JournalFile, keeper: KeeperWatch?, trees: TreeKiller,
    notifySocket: consuming Descriptor, executable: String
  ) throws(SystemError) {
    self.processes = processes
    self.sharedSockets = sharedSockets
    self.logs = logs
    self.journal = journal
    self.keeper = keeper
    self.trees = trees
    self.notifySocket = try NotifySocket(notifySocket)
    reader = FileReader(executable: executable)
    signals = try SignalDescriptor([.child, .hangUp] + InitRole.stopSignals)
  }

  /// Watches what there is to watch, and sees that there is a logger.
  func begin(_ now: MonotonicTime, _ poll: borrowing EventPoll) throws(SystemError) {
    try notifySocket.watch(poll)
    try poll.add(
      signals.descriptor, token: LinuxKernel.Source.signals.token(), for: .readable)
    if let keeper {
      // What agents of an earlier daemon leave behind comes to it.
      trees.reapers.append(Processes.parentPid)
      try poll.add(keeper.link.socket, token: LinuxKernel.Source.keeper.token(), for: .readable)
    }
    try logs.begin(now, poll)
  }

  // MARK: - A turn, from its end to the next one's

  /// Does what the turn has left to do, and what waited until the daemon had seen to its events.
  func endTurn(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    logs.handOver()
    logs.watchLink(poll)
    for key in told {
      if let pid = processes.close(key) { keeper?.reap(pid) }
      forgetOutput(of: key, poll)
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
  }

  /// How long the loop may wait for something to happen; nil: for ever.
  func patienceMilliseconds(_ now: @autoclosure () -> MonotonicTime) -> Int32? {
    if isBusy { return 0 }
    return due.map { due in
      Int32(clamping: max(0, (due - now()).wholeNanoseconds / 1_000_000 + 1))
    }
  }

  /// Whether nothing is going on here and nothing will by itself, once a turn has asked everybody
  /// and brought nothing.
  var isIdle: Bool { !isBusy && due == nil && keeper?.hasUnsaid != true }

  private var isBusy: Bool {
    survey != nil || probes.hasNews || reader.hasNews || trees.isBusy || limits.isBusy
      || trees.groups.isUntidy
  }

  private var due: MonotonicTime? {
    // No list of them: an array a turn is a tenth of what a call costs.
    let ownDue = earlier(earlier(orphansDue, logs.restartAt), surveyDeadline)
    let helpDue = earlier(reader.due, taps.due)
    let treesDue = earlier(trees.due, trees.groups.due)
    return earlier(earlier(ownDue, helpDue), earlier(treesDue, limits.due))
  }

  /// The process of an incarnation has ended; `advanceEnds` tells of it.
  func end(
    _ key: ProcessKey, _ termination: Termination, _ now: MonotonicTime,
    _ poll: borrowing EventPoll
  ) {
    notifyPipes.close(key, poll)
    inputs.end(key, poll)
    logs.endRecords(of: key, poll)
    limits.end(key)
    trees.leaderEnded(key, termination, now)
  }

  /// Tells of the incarnations of which nothing is left, with their last words.
  func advanceEnds(
    _ now: MonotonicTime, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    trees.advance(now, isOwnChild, &events)
    taps.takeLastWords(poll, &events)
    for case .ended(let key, _) in events { told.append(key) }
  }

  /// Tells of everything else that has come about, and does what is due.
  func advance(
    _ now: MonotonicTime, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    probes.takeNews(&events)
    logs.takeNews(&events)
    reader.takeNews(&events)
    doHousework(now, poll)
    advanceSurvey(now, &events)
    limits.advance(
      now, trees.groups, orphans: { self.trees.orphans(now, self.isOwnChild) }, poll, &events)
  }

  private func doHousework(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    logs.restartIfDue(now, poll)
    reader.advance(now, poll)
    taps.resumeIfDue(now, poll)
    trees.groups.tidy(now)
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

  // MARK: - What has come

  func take(
    _ source: LinuxKernel.Source, _ number: UInt64, _ now: MonotonicTime,
    _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    switch source {
    case .process, .alarm, .door, .connection: preconditionFailure("\(source) is the kernel's")
    case .signals: takeSignals(now, &events)
    case .logger: logs.takeReports(now, poll, &events)
    case .loggerProcess: logs.takeEnd(now, poll)
    case .eventPipe: logs.flushEvents(poll)
    case .recordPipe: flushRecords(number, poll)
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

  private func takeSignals(_ now: MonotonicTime, _ events: inout [KernelEvent]) {
    while let arrival = try? signals.next() {
      if arrival.signal == .child {
        orphansDue = orphansDue ?? now + Self.orphanDelay
      } else {
        events.append(.signal(arrival.signal))
      }
    }
  }

  /// Whether superv has started a child itself, and knows it by a pidfd.
  func isOwnChild(_ pid: Int32) -> Bool {
    processes.has(pid) || pid == logs.pid || probes.has(pid) || limits.has(pid)
      || reader.has(pid) || pid == Processes.ownPid
  }

  // MARK: - The survey

  func beginSurvey(_ now: MonotonicTime) {
    guard survey == nil, surveyDeadline == nil else { return }
    survey = ProcessSurvey(processes.roots, orphans: trees.orphans(now, isOwnChild))
    surveyDeadline = now + Self.surveyPatience
    logs.askUsage()
  }

  private func advanceSurvey(_ now: MonotonicTime, _ events: inout [KernelEvent]) {
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

  // MARK: - Outputs that the daemon reads

  /// The logger takes more of what the daemon writes.
  private func flushRecords(_ number: UInt64, _ poll: borrowing EventPoll) {
    guard let name = logs.flushRecords(number, poll) else { return }
    for channel in OutputChannel.allCases where channel.kind == name.kind {
      taps.resume(name.process, channel, poll)
    }
  }

  /// The daemon knows of the end of a process.
  private func forgetOutput(of process: ProcessKey, _ poll: borrowing EventPoll) {
    taps.forget(process, poll)
    logs.endOutput(of: process, poll)
  }
}
