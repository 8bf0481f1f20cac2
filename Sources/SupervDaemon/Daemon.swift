package import SupervConfig
import SupervProtocol
import SupervSystem
package import SupervisionTree

/// The daemon: one thread, one loop. Events of the kernel go into the tree, its effects come out
/// and are carried out, and people are answered.
///
/// Within one turn everything that keeps processes alive comes first; what was decided is told
/// (event log, followers, waiting requests) at the end of the turn.
package final class Daemon<Machine: Kernel> {
  let kernel: Machine
  let options: DaemonOptions
  var configuration: Configuration
  var tree: SupervisionTree
  /// By the index of the node; nil for supervisors.
  var agents: [AgentSlot?] = []
  /// Every agent's begins with it.
  private var passedEnvironment = AgentEnvironment()
  /// Of an earlier daemon, and of agents that are not in the configuration any more.
  var departing: [NodeID: ProcessFacts] = [:]
  var timers = TimerHeap()
  var events: EventLog
  let control = ControlHub()
  let http = HTTPHub()
  let sessions = SessionHub()
  let calls: CallHub
  let health = HealthHub()
  let metrics = MetricsHub()
  let supervisord = SupervisordHub()
  let listening = ListeningHub()
  let service: ServiceHub
  let chaos = ChaosHub()
  let startedAt: MonotonicTime
  let beginning: TreeBeginning
  /// Decided in this turn and not yet told.
  var story: [StoryEvent] = []
  /// Why everything is stopped; nil while something is not.
  package private(set) var end: TreeEnd?
  /// When something is due next, as the kernel was told.
  private var nextDeadline: MonotonicTime?
  /// When the event came that is being handled: one look at the clock for all calls in it.
  private(set) var eventTime: MonotonicTime
  var stopRequests = 0
  var isStopAnnounced = false
  var isStopLimited = false
  /// The program that goes on in this one's place, once somebody has asked for it.
  var successor: String?
  var journal: JournalState
  /// Until it is gone on with.
  private var recovered: JournalContents?

  /// - Parameters:
  ///   - configuration: what `records` say.
  ///   - records: one, or two after a reload.
  ///   - memory: what is known from an earlier life.
  ///   - recovered: the journal of a daemon that has died.
  package init(
    _ configuration: Configuration, of records: [RecordedConfiguration], kernel: Machine,
    options: DaemonOptions, memory: DaemonMemory, recovered: JournalContents? = nil
  ) {
    self.configuration = configuration
    self.kernel = kernel
    self.options = options
    self.recovered = recovered
    journal = JournalState(records)
    startedAt = kernel.now
    eventTime = startedAt
    service = ServiceHub(options.serviceManager)
    calls = CallHub(seed: options.jitterSeed)
    let firstSequence = recovered.map { $0.nextEvent - Int64($0.telling.count) } ?? 1
    events = EventLog(nextSequence: max(firstSequence, memory.lastSequence + 1))
    beginning = TreeBeginning(
      jitterSeed: options.jitterSeed, incarnations: memory.incarnations, stopped: memory.stopped)
    tree = recovered?.tree ?? beginning.tree(of: configuration)
    for (key, time) in recovered?.timers ?? [:] { timers.set(key, at: time) }
    end = recovered?.tree.finishedEnd
    if tree.treeEnd != nil {
      stopRequests = 1
      isStopAnnounced = true
    }
    health.heldNames = Set(recovered?.held ?? [])
    journal.groups = recovered?.groups
    listening.listeners = recovered?.listeners
    adoptDefinitions()
  }

  /// Starts the tree and serves until it is stopped.
  ///
  /// - Parameter reloading: whether the configuration has changed since it was read.
  /// - Returns: why it was; nil when it was not, and another daemon goes on with it.
  package func run(reloading: Bool = false) -> TreeEnd? {
    begin()
    if reloading {
      reloadFromFile(askedBy: nil)
      endTurn()
    }
    var arrivals: [KernelEvent] = []
    while true {
      if let end { return end }
      if successor != nil { return nil }
      arrivals.removeAll(keepingCapacity: true)
      kernel.wait(&arrivals)
      let began = kernel.now
      for event in arrivals { take(event) }
      // Whoever has an answer goes on while the rest of the turn is done.
      kernel.send()
      endTurn()
      metrics.turns.add(nanoseconds: (kernel.now - began).wholeNanoseconds)
    }
  }

  /// Starts the tree, or goes on with one that an earlier daemon has started.
  package func begin() {
    if let recovered {
      self.recovered = nil
      recover(recovered)
      return endTurn()
    }
    writeBeginning()
    tell(StoryEvent("daemon.started", .daemon, reason: "superv \(supervVersion)")) {
      $0.pid = options.pid
    }
    tellSupervisordStarts()
    feed(.begin)
    endTurn()
  }

  /// Handles one event; `endTurn` has to follow.
  package func take(_ event: KernelEvent) {
    eventTime = kernel.now
    switch event {
    case .leftBehind(let process, let count): tellLeftBehind(count, by: process)
    case .ended(let key, let termination):
      agents[key.node.index]?.process?.isAlive = false
      endOutputs(of: key)
      endHealth(of: key)
      endHogs(of: key)
      feed(.exited(key.node, incarnation: key.incarnation, termination))
      endCalls(of: key, termination)
    case .logger(let report): take(report)
    case .signal(let signal): take(signal)
    case .connected(let id, .control(let peer)):
      control.open(calls.asker(id, of: nil), peer, configuration.settings)
    case .connected(let id, .http): http.open(id)
    case .connected(let id, .supervisord(let server)): openSupervisord(id, server: server)
    case .connected(let id, .agent(let process, let peer)): openSession(id, of: process, peer)
    case .connected(let id, .stranger(let peer, let why)): refuse(id, peer, because: why)
    case .received(let id, let bytes):
      switch id.door {
      case .control: receive(bytes, on: id)
      case .http: receiveHTTP(bytes, on: id)
      case .supervisord: receiveFromSupervisorctl(bytes, on: id)
      case .agent: receiveFromAgent(bytes, on: id)
      }
    case .disconnected(let id):
      switch id.door {
      case .control: closeControl(id)
      case .http: http.close(id)
      case .supervisord: closeSupervisord(id)
      case .agent: closeSession(id)
      }
    case .notified(let process, let sender, let bytes):
      takeNotification(bytes, from: process, sender: sender)
    case .notifyDescriptor(let process): say(.ready, of: process)
    case .probeEnded(let probe, let outcome): probeEnded(probe, outcome)
    case .limit(let process, let news): take(news, of: process)
    case .surveyed(let survey): take(survey)
    case .output(let process, let channel, let bytes): take(bytes, from: process, channel)
    case .inputClosed(let process): listenerIsDeaf(process)
    case .fileRead(let id, let read):
      supervisord.readings.answer(id, read)
      advanceOperations()
    case .journalFault(let why): tell(StoryEvent("daemon.journal_fault", .daemon, reason: why))
    case .alarm: fireTimers()
    }
  }

  /// Tells what was decided, and sets the alarm for what is due next.
  package func endTurn() {
    let hasNews = !story.isEmpty
    // A peer that does not take what it is told is one more thing to tell.
    repeat {
      let told = story
      story = []
      publish(told)
      answerWaiting()
      if supervisord.isInFront {
        advanceOperations()
        writeListeners()
      }
    } while !story.isEmpty
    mendJournal()
    tellManager(afterNews: hasNews)
    nextDeadline = earlier(
      earlier(earlier(timers.first?.time, journal.mendAt), calls.nextDeadline),
      earlier(health.nextDeadline, service.nextDeadline))
    kernel.setAlarm(at: nextDeadline)
  }
}

// MARK: - The tree

extension Daemon {
  /// Feeds the tree and carries out what it decides, and what follows from that.
  func feed(_ event: Event) { carryOut(decide(event)) }

  /// What has happened is written down before anything is done about it.
  func decide(_ event: Event) -> [Effect] {
    let now = kernel.now
    if case .spawned(let node, _) = event, let facts = agents[node.index]?.process?.facts {
      write(.spawned(facts, at: now))
    } else {
      write(.event(event, at: now))
    }
    return tree.handle(event, now: now)
  }

  func carryOut(_ effects: [Effect]) {
    calls.treeChanged()
    var queue = effects
    var next = 0
    var notes: [DecidedNote] = []
    func tellNotes() {
      for note in notes { tell(note) }
      notes.removeAll()
    }
    while next < queue.count {
      let effect = queue[next]
      next += 1
      switch effect {
      case .note(let note):
        notes.append(decided(note))
        continue
      // A replacement is more urgent than any story.
      case .spawn: break
      default: tellNotes()
      }
      let answer = carryOut(effect)
      tellNotes()
      guard let answer else { continue }
      queue += decide(answer)
      calls.treeChanged()
    }
    tellNotes()
    if case .criticalFailed(let child, let why) = tree.treeEnd {
      announceStop("critical \(child) failed: \(why)")
      limitStop()
    }
  }

  /// - Returns: the tree's next event, where the effect has an answer.
  private func carryOut(_ effect: Effect) -> Event? {
    switch effect {
    case .spawn(let node, let incarnation): return start(node, incarnation)
    case .askToStop(let node, let incarnation, let grace, let why):
      let process = ProcessKey(node: node, incarnation: incarnation)
      return askToStop(process, grace: grace, why: why)
        ? nil : .stopUnheard(node, incarnation: incarnation)
    case .signal(let node, let incarnation, let number):
      let key = ProcessKey(node: node, incarnation: incarnation)
      kernel.signal(key, Signal(number))
      write(.signalled(node: node, incarnation: incarnation, number))
      // One that was stopped (SIGSTOP) could not obey.
      kernel.signal(key, .resume)
    case .kill(let node, let incarnation):
      kernel.kill(ProcessKey(node: node, incarnation: incarnation))
    case .setTimer(let node, let time): timers.set(node.index, at: time)
    case .cancelTimer(let node): timers.cancel(node.index)
    case .note: break  // is told by whoever has more to carry out
    case .treeStopped(let end): self.end = end
    }
    return nil
  }

  private func start(_ node: NodeID, _ incarnation: UInt64) -> Event {
    guard let slot = agents[node.index] else {
      preconditionFailure("\(tree.name(of: node)) has no definition")
    }
    do {
      let key = ProcessKey(node: node, incarnation: incarnation)
      agents[node.index]?.process = AgentProcess(try kernel.start(try launch(key, slot)))
      beginHealth(of: key)
      return .spawned(node, incarnation: incarnation)
    } catch {
      return .spawnFailed(node, incarnation: incarnation, why: error.description)
    }
  }

  /// - Throws: `LaunchError` when its environment cannot be put together.
  func launch(_ key: ProcessKey, _ slot: AgentSlot) throws(LaunchError) -> Launch {
    let environment = try AgentEnvironment.make(
      for: slot.definition, incarnation: key.incarnation, settings: configuration.settings,
      passed: passedEnvironment, kernel: kernel)
    return Launch(
      key: key, agent: slot.definition, environment: environment, log: slot.log,
      errorLog: slot.errorLog, taps: taps(of: slot.definition))
  }

  /// Gives every agent of the tree its definition from the configuration.
  ///
  /// - Returns: the processes whose health is wanted otherwise than before.
  @discardableResult
  func adoptDefinitions() -> [ProcessKey] {
    var changed: [ProcessKey] = []
    let settings = configuration.settings
    passedEnvironment = AgentEnvironment(passing: settings, from: kernel)
    while agents.count < tree.nodeCount { agents.append(nil) }
    for definition in configuration.agents {
      guard let id = tree.id(named: definition.specification.name) else { continue }
      let log = LogFileSettings(of: definition, in: settings.logDirectory)
      let errorLog = definition.program.map { LogFileSettings(of: $0.errors, $0.name) }
      let old = agents[id.index]
      for (before, after) in [(old?.log, log), (old?.errorLog, errorLog ?? log)] {
        if let before, before != after, before.path == after.path { kernel.updateLog(after) }
      }
      agents[id.index] = AgentSlot(
        definition: definition, log: log, errorLog: errorLog, process: old?.process)
      if let process = old?.process, old?.definition.wantsSameHealth(as: definition) == false {
        changed.append(ProcessKey(node: id, incarnation: process.incarnation))
      }
    }
    adoptPrograms()
    adoptListeners()
    calls.adopt(configuration, tree) { node in
      agents.indices.contains(node.index) && agents[node.index]?.process?.isAlive == true
    }
    return changed
  }

  private func fireTimers() {
    if let due = nextDeadline, due <= kernel.now {
      metrics.lag.add(nanoseconds: (kernel.now - due).wholeNanoseconds)
    }
    while let key = timers.popDue(kernel.now) {
      if key == shutdownTimerKey {
        feed(.hurry)
      } else if key == supervisordTimerKey {
        fireSupervisordTimer()
        advanceOperations()
      } else if key == chaosTimerKey {
        fireChaosTimer()
      } else {
        feed(.timer(NodeID(index: key)))
      }
    }
    fireHealthTimers()
    fireCallDeadlines()
  }
}
