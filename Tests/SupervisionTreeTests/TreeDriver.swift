import SupervisionTree

/// Carries out what a tree decides, at once and without processes: a spawn succeeds unless a
/// failure is planned, a signal or a kill ends the agent unless it resists.
struct TreeDriver {
  var tree: SupervisionTree
  var now = MonotonicTime(nanoseconds: 0)
  /// In order: `start A`, `start_failed A`, `stop A`, and what the notes tell of supervisors.
  var trace: [String] = []
  var notes: [Note] = []
  /// The next so many starts of an agent fail.
  var plannedFailures: [String: Int] = [:]
  /// Events that reach the tree while an agent is being started or stopped.
  var duringStart: [String: [() -> Event?]] = [:]
  var timers: [NodeID: MonotonicTime] = [:]
  var living: [NodeID: UInt64] = [:]
  var spawnCount = 0
  var end: TreeEnd?
  /// Agents that stay when they are told to stop, until the last rung.
  var stubborn: Set<String> = []
  /// Called as an agent starts (true if the start fails) or is told to stop: what happens
  /// meanwhile.
  var whileStarting: (inout TreeDriver, String, Bool) -> Void = { _, _, _ in }
  var whileStopping: (inout TreeDriver, String) -> Void = { _, _ in }

  private var queue: [Effect] = []
  private var isDraining = false

  init(_ specification: TreeSpecification, seed: UInt64 = 1) {
    tree = SupervisionTree(specification, jitterSeed: seed)
  }

  /// Feeds one event and carries out everything that follows from it.
  mutating func feed(_ event: Event) {
    post(event)
    drain()
  }

  /// Feeds one event whose consequences are carried out later.
  mutating func post(_ event: Event) { queue += tree.handle(event, now: now) }

  mutating func drain() {
    guard !isDraining else { return }
    isDraining = true
    defer { isDraining = false }
    while !queue.isEmpty {
      let effect = queue.removeFirst()
      carryOut(effect)
    }
  }

  /// The agent ends by itself.
  ///
  /// - Returns: whether it was there to do so.
  @discardableResult
  mutating func end(_ name: String, _ termination: Termination, saying text: String) -> Bool {
    guard let id = tree.id(named: name), let incarnation = living.removeValue(forKey: id) else {
      return false
    }
    trace.append(text)
    post(.exited(id, incarnation: incarnation, termination))
    return true
  }

  /// Moves the clock to the next timer and lets it fire.
  ///
  /// - Returns: false when no timer is set.
  mutating func fireNextTimer() -> Bool {
    guard let (id, time) = timers.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else {
      return false
    }
    timers[id] = nil
    now = max(now, time)
    feed(.timer(id))
    return true
  }

  private mutating func carryOut(_ effect: Effect) {
    switch effect {
    case .spawn(let id, let incarnation): spawn(id, incarnation)
    case .signal(let id, let incarnation, _):
      if !stubborn.contains(tree.name(of: id)) {
        if living[id] == incarnation { whileStopping(&self, tree.name(of: id)) }
        stop(id, incarnation)
      }
    case .askToStop(let id, let incarnation, _, _):
      post(.stopUnheard(id, incarnation: incarnation))
    case .kill(let id, let incarnation): stop(id, incarnation)
    case .setTimer(let id, let time): timers[id] = time
    case .cancelTimer(let id): timers[id] = nil
    case .note(let note):
      notes.append(note)
      if let line = Self.line(note) { trace.append(line) }
    case .treeStopped(let end): self.end = end
    }
  }

  private mutating func spawn(_ id: NodeID, _ incarnation: UInt64) {
    let name = tree.name(of: id)
    spawnCount += 1
    let planned = plannedFailures[name, default: 0]
    if planned > 0 {
      plannedFailures[name] = planned - 1
      trace.append("start_failed \(name)")
      whileStarting(&self, name, true)
      post(.spawnFailed(id, incarnation: incarnation, why: "planned"))
    } else {
      precondition(living.updateValue(incarnation, forKey: id) == nil, "\(name) runs twice")
      whileStarting(&self, name, false)
      trace.append("start \(name)")
      post(.spawned(id, incarnation: incarnation))
    }
  }

  private mutating func stop(_ id: NodeID, _ incarnation: UInt64) {
    guard living[id] == incarnation else { return }
    let name = tree.name(of: id)
    living[id] = nil
    trace.append("stop \(name)")
    post(.exited(id, incarnation: incarnation, .signalled(15, coreDumped: false)))
  }

  private static func line(_ note: Note) -> String? {
    switch (note.kind, note.reason) {
    case (.supervisorStarting, _): "sup_start \(note.name)"
    case (.supervisorGaveUp, .intensityExceeded(let child, _, _, _)):
      "give_up \(note.name) \(child)"
    case (.supervisorStopping, .significantEnded): "auto_shutdown \(note.name)"
    case (.supervisorStopping, _): "sup_stop \(note.name)"
    case (.supervisorStopped, _): "sup_exit \(note.name)"
    default: nil
    }
  }
}

/// Short ways to write specifications.
func agent(
  _ name: String, _ restart: RestartType = .permanent,
  _ change: (inout AgentSpecification) -> Void = { _ in }
) -> ChildSpecification {
  var agent = AgentSpecification(name: name)
  agent.policy.restart = restart
  agent.readyAfter = .zero
  change(&agent)
  return .agent(agent)
}

func supervisor(
  _ name: String, _ strategy: Strategy = .oneForOne, limit: Int = 5,
  _ restart: RestartType = .permanent, _ children: [ChildSpecification],
  _ change: (inout SupervisorSpecification) -> Void = { _ in }
) -> ChildSpecification {
  var supervisor = SupervisorSpecification(name: name)
  supervisor.policy.restart = restart
  supervisor.strategy = strategy
  supervisor.intensity = RestartIntensity(limit: limit, period: .seconds(1000))
  supervisor.backoff = .off
  supervisor.children = children
  change(&supervisor)
  return .supervisor(supervisor)
}

func tree(_ children: ChildSpecification..., sideBySide: Bool = true) -> TreeSpecification {
  var tree = TreeSpecification()
  tree.children = children
  tree.backoff = .off
  tree.stopsSiblingsSideBySide = sideBySide
  return tree
}
