import SupervChaos
import SupervConfig
import SupervProtocol
import SupervSystem

/// One run of chaos: a loop that does what the schedule says, listens to what superv tells of it,
/// and judges both.
///
/// Everything it is told comes over two connections, both of which end whenever the daemon does:
/// one to watch and to act, one for calls.
final class ChaosRun {
  /// How the time goes on.
  enum Stage { case breaking, mending, over }

  /// A fault that is in force, or whose end has not been seen.
  struct Running {
    var planned: PlannedFault
    /// When it ends by itself, in seconds; nil when something else says so.
    var endSeconds: Double?
    /// That was hit, and has to be seen again.
    var process: ProcessIdentity?
    var incarnation: EventJudge.Incarnation?
    /// superv's processes that have to be replaced.
    var killed: Set<Int32> = []
    var killedSeconds = 0.0
  }

  /// What the last status and the facts asked for with it have said.
  struct Snapshot {
    var status: StatusReport
    var facts: ChaosFacts
    /// Of superv's own processes and of the agents', at that moment.
    var identities: [Int32: ProcessIdentity]
  }

  private static let waitMilliseconds: Int64 = 5
  private static let statusSeconds = 1.0
  /// While something of superv's own is to be replaced.
  private static let urgentStatusSeconds = 0.02
  /// At the end, so that whatever is out of place has been so for a while.
  private static let lookoutSeconds = 4.0

  let request: ChaosRequest
  let tree: ChaosTree
  let session: Session
  let socket: String
  let eventsPath: String
  let logFiles: [LogsReport.File]
  let startedNanoseconds = Clock.monotonicNanoseconds
  let guardian: ChaosGuard
  let signals: SignalDescriptor
  /// So that lines of another run are not taken for those of this one.
  let token: String

  var plan: ChaosPlan { request.plan }
  var schedule: ArraySlice<PlannedFault>
  var stage = Stage.breaking
  var wasInterrupted = false
  var verdict = Verdict()
  var events: EventJudge
  var processes: ProcessJudge
  var callJudge = CallJudge()
  var recovery: RecoveryJudge
  var views: [String: AgentView] = [:]
  var snapshot: Snapshot
  /// Whether the snapshot is of the daemon that is connected.
  var isCurrent = false
  var running: [Int: Running] = [:]
  let watch: ChaosLink
  let caller: ChaosLink
  var asked: [Int64: Asked] = [:]
  var statusDue = 0.0
  private var isAsking = false
  private var pendingStatus: StatusReport?
  var marks = ChaosMarks()
  var floods: [Int: ChaosFlood] = [:]
  var callDue: [Int: Double] = [:]
  var rebirth: ChaosRebirth?
  private var endsAt: Double
  private var progressDue = 0.0

  /// What a request that waits for its answer was.
  enum Asked {
    case events, status, facts, other
    /// The answer says whether a fault came about.
    case fault(Int)
    /// It ends a fault.
    case end(Int)
  }

  init(
    _ request: ChaosRequest, _ tree: ChaosTree, _ schedule: [PlannedFault], socket: String,
    facts: ChaosFacts, status: StatusReport, logs: LogsReport, _ session: Session
  ) throws(CommandFailure) {
    self.request = request
    self.tree = tree
    self.schedule = schedule[...]
    self.session = session
    self.socket = socket
    eventsPath = logs.events
    logFiles = logs.files
    token = "\(request.seed).\(UInt64(Clock.monotonicNanoseconds) % 1_000_000_007)"
    snapshot = Snapshot(status: status, facts: facts, identities: [:])
    views = Dictionary(uniqueKeysWithValues: status.agents.map { ($0.name, AgentView($0)) })
    recovery = RecoveryJudge(
      baseline: views, boundSeconds: Double(request.plan.recoveryMaximum.milliseconds) / 1000)
    events = EventJudge(tree, ownEnds: request.plan.ownEnds)
    processes = ProcessJudge(tree)
    endsAt = Double(request.plan.duration.milliseconds) / 1000
    watch = ChaosLink(socket)
    caller = ChaosLink(socket)
    guardian = try ChaosGuard(session)
    do {
      signals = try SignalDescriptor([.terminate, .interrupt, .hangUp])
    } catch {
      throw .system(error)
    }
  }

  var now: Double { Double(Clock.monotonicNanoseconds - startedNanoseconds) / 1e9 }

  /// Until the time is over, or somebody ends it.
  func run() throws(CommandFailure) -> ChaosReport {
    defer { ChaosGuard.end(guardian) }
    while stage != .over { turn() }
    showProgress(isLast: true)
    return finish()
  }

  private func turn() {
    verdict.nowSeconds = now
    takeSignals()
    if !watch.isOpen, watch.connect() { begin() }
    for arrival in watch.receive() { take(arrival) }
    takeCalls()
    askStatus()
    advanceRebirth()
    advanceFaults()
    if stage == .breaking {
      beginFaults()
      advanceMarks()
      makeCalls()
    }
    if isCurrent {
      recovery.look(views, seconds: now, &verdict)
    } else {
      callJudge.nobodyAnswers(seconds: now)
    }
    callJudge.look(seconds: now, &verdict)
    advanceStage()
    showProgress()
    watch.wait(milliseconds: floods.isEmpty ? Self.waitMilliseconds : 1)
  }

  private func takeSignals() {
    while (try? signals.next()) ?? nil != nil {
      // The second one does not wait for anything.
      if wasInterrupted { stage = .over }
      wasInterrupted = true
      if stage == .breaking { endsAt = now }
    }
  }

  private func advanceStage() {
    let bound = Double(plan.recoveryMaximum.milliseconds) / 1000
    switch stage {
    case .breaking where now >= endsAt:
      stage = .mending
      schedule = []
      endAllFaults()
    case .mending:
      let isQuiet = running.isEmpty && recovery.openCount == 0 && callJudge.openCount == 0
      let patience = max(endsAt, recovery.longestWaitSeconds) + bound + Self.lookoutSeconds * 2
      if isQuiet && isCurrent && now >= endsAt + Self.lookoutSeconds || now >= patience {
        stage = .over
      }
    case .breaking, .over: break
    }
  }

  // MARK: The daemon

  /// A connection has come about. Whatever waited on the one before is answered by nobody.
  private func begin() {
    isCurrent = false
    asked = [:]
    for (number, fault) in running where fault.planned.kind == .reload {
      recovery.note(number, "the daemon died meanwhile")
      endFault(number)
    }
    let since = events.nextSequence.map { $0 - 1 }
    ask(.events, EventsParams(since: since, follow: true), .events)
    isAsking = false
    statusDue = 0
  }

  @discardableResult
  func ask(_ method: ControlMethod, _ params: some Encodable, _ what: Asked) -> Bool {
    guard let id = watch.send(method, params) else { return false }
    asked[id] = what
    return true
  }

  private func askStatus() {
    guard watch.isOpen, !isAsking, now >= statusDue else { return }
    isAsking = true
    ask(.status, StatusParams(), .status)
    ask(.chaosFacts, NoParams(), .facts)
  }

  private func take(_ arrival: ChaosLink.Arrival) {
    switch arrival {
    case .event(let event): take(event)
    case .closed:
      isCurrent = false
      isAsking = false
      asked = [:]
    case .answer(let id, let line):
      guard let what = asked.removeValue(forKey: id) else { return }
      take(line, to: what)
    }
  }

  private func take(_ line: ReceivedLine, to what: Asked) {
    switch what {
    case .events: takeEvents(line)
    case .status:
      pendingStatus = try? line.decode(StatusReport.self, from: line.message.result)
    case .facts:
      isAsking = false
      let isUrgent = running.values.contains { !$0.killed.isEmpty }
      statusDue = now + (isUrgent ? Self.urgentStatusSeconds : Self.statusSeconds)
      guard let status = pendingStatus,
        let facts = try? line.decode(ChaosFacts.self, from: line.message.result)
      else { return }
      take(status, facts)
    case .fault(let number):
      guard line.message.kind == .error else { return }
      let error = try? line.decode(RPCError.self, from: line.message.error)
      recovery.note(number, error?.message ?? "refused")
    case .end(let number): endFault(number)
    case .other: break
    }
  }

  private func take(_ status: StatusReport, _ facts: ChaosFacts) {
    let pids =
      status.agents.compactMap(\.pid)
      + [status.daemon.pid, status.daemon.keeperPID].compactMap(\.self)
    let identities = pids.compactMap { pid in ProcessIdentity.of(pid).map { (pid, $0) } }
    snapshot = Snapshot(
      status: status, facts: facts,
      identities: Dictionary(identities) { first, _ in first })
    isCurrent = true
    for agent in status.agents {
      views[agent.name] = AgentView(agent)
      verdict.check(
        .nothingLeft, stage == .breaking || !agent.held, "\(agent.name) is held, by nobody here")
    }
    for supervisor in status.supervisors {
      verdict.check(
        .budgets, supervisor.restartsInPeriod <= supervisor.intensity,
        "\(supervisor.name): \(supervisor.restartsInPeriod) restarts in its period, and it may "
          + "make \(supervisor.intensity)")
    }
    callJudge.look(
      begun: facts.calls.begun, ended: facts.calls.ended, inFlight: facts.calls.inFlight,
      &verdict)
    processes.take(
      sightings(facts), status, ended: events.ended, helpers: Set(facts.helpers), seconds: now,
      &verdict)
    seeReplacements(status)
  }

  func take(_ event: EventRecord) {
    guard events.nextSequence.map({ event.seq >= $0 }) ?? true else { return }
    events.take(event, seconds: now, &verdict)
    guard let agent = event.agent, views[agent] != nil else { return }
    views[agent]?.take(event)
    if let delay = event.delaySeconds { recovery.waits(agent, untilSeconds: now + delay) }
    if event.event == "agent.exited" {
      let ended = EventJudge.Incarnation(agent: agent, number: event.incarnation ?? 0)
      for (number, fault) in running where fault.incarnation == ended { endFault(number) }
    }
  }

  // MARK: Progress

  private func showProgress(isLast: Bool = false) {
    guard session.console.showsProgress, isLast || now >= progressDue else { return }
    progressDue = now + 0.5
    let text =
      "\(ageText(seconds: now)) of \(durationText(plan.duration)) · \(recovery.records.count) "
      + "faults · \(recovery.openCount) open · \(verdict.violationCount) violations"
      + (stage == .mending ? " · mending" : "")
    session.console.progress(isLast ? "" : text)
  }
}
