// Starting children: alone, or in a run, one after the other.

extension SupervisionTree {
  mutating func beginStarting(
    _ supervisor: NodeID, _ children: [NodeID], _ purpose: StartRun.Purpose, why: Reason,
    cause: NodeID? = nil
  ) {
    self[supervisor].occupation = .starting(
      StartRun(queue: children.reversed(), purpose: purpose, why: why, cause: cause))
    agenda.append(.proceed(supervisor))
  }

  mutating func continueStarting(_ id: NodeID, _ run: StartRun) {
    var run = run
    guard run.current == nil else { return }
    guard let child = run.queue.popLast() else { return finishStarting(id, run.purpose) }
    let why =
      if let cause = run.cause, cause != child {
        Reason.group(self[id].specification.strategy, sibling: nodes[cause.index].name)
      } else { run.why }
    let starts = mayStart(child)
    // The root's children have nothing to do with each other: none waits for another's start.
    if starts && id != .root { run.current = child }
    self[id].occupation = .starting(run)
    if starts {
      if case .restart = run.purpose { nodes[child.index].restarts += 1 }
      start(child, .run, why: why)
    }
    agenda.append(.proceed(id))
  }

  private mutating func finishStarting(_ id: NodeID, _ purpose: StartRun.Purpose) {
    self[id].occupation = .none
    switch purpose {
    case .boot:
      setPhase(id, .running(ready: false))
      if refreshReadiness(of: id) { refreshReadiness(above: id) }
      note(.supervisorStarted, id, nodes[id.index].reason)
      agenda.append(.startSettled(id))
    case .restart: startLeftBehind(id)
    case .resume, .request: break
    }
    agenda.append(.proceed(id))
  }

  /// Whether its supervisor would start this child now.
  func mayStart(_ id: NodeID) -> Bool {
    let node = nodes[id.index]
    guard node.wish == .up, node.bar == nil, !isOut(id) else { return false }
    switch node.phase {
    case .down, .waiting, .retrying: return true
    case .starting, .running, .ended, .stopping: return false
    }
  }

  /// Starts a child that has no process, or lets it wait for what it needs.
  mutating func start(_ id: NodeID, _ origin: StartOrigin, why: Reason) {
    let unmet = unmetNeeds(of: id)
    guard unmet.isEmpty else {
      setPhase(id, .waiting, why: .waitsFor(unmet))
      note(agent: .agentWaiting, supervisor: .supervisorWaiting, id, .waitsFor(unmet))
      agenda.append(.startSettled(id))
      return
    }
    setPhase(id, .starting(origin), why: why)
    if isAgent(id) {
      nodes[id.index].incarnation += 1
      note(.agentStarting, id, why)
      effects.append(.spawn(id, incarnation: nodes[id.index].incarnation))
    } else {
      nodes[id.index].supervisorStarts += 1
      note(.supervisorStarting, id, why)
      startChildren(of: id)
    }
  }

  /// A supervisor starts as if for the first time: its history is empty (OTP), and children that
  /// were dropped are back. What an operator stopped stays stopped.
  private mutating func startChildren(of id: NodeID) {
    self[id].window = RestartWindow()
    self[id].mailbox = []
    for child in self[id].children {
      if nodes[child.index].bar == .dropped { nodes[child.index].bar = nil }
    }
    beginStarting(id, self[id].children, .boot, why: .supervisorStarts)
  }

  mutating func spawned(_ id: NodeID) {
    switch nodes[id.index].phase {
    case .starting:
      guard case .agent(let agent) = nodes[id.index].kind else { return }
      setPhase(id, .running(ready: false))
      note(.agentStarted, id, nodes[id.index].reason)
      switch agent.readyAfter {
      case nil: break
      case let span? where span <= .zero: becomeReady(id, why: .stayedUp(.zero))
      case let span?: effects.append(.setTimer(id, now + span))
      }
      agenda.append(.startSettled(id))
    case .stopping(rung: nil): enterRung(id, 0)
    case .stopping, .running, .down, .waiting, .ended, .retrying: countStaleEvent()
    }
  }

  mutating func spawnFailed(_ id: NodeID, why: Reason) {
    switch nodes[id.index].phase {
    case .starting(let origin):
      setPhase(id, .down(.failed), why: why)
      note(.agentStartFailed, id, why)
      agenda.append(.startFailed(id, origin, why))
    case .stopping(rung: nil):
      setPhase(id, .down(.stopped))
      note(.agentStartFailed, id, why)
      agenda.append(.gone(id))
    case .stopping, .running, .down, .waiting, .ended, .retrying: countStaleEvent()
    }
  }

  /// The supervisor of a child that runs or waits goes on with its run.
  mutating func startSettled(_ id: NodeID) {
    guard id != .root else { return }
    let parent = nodes[id.index].parent
    guard case .starting(var run) = self[parent].occupation, run.current == id else { return }
    run.current = nil
    self[parent].occupation = .starting(run)
    agenda.append(.proceed(parent))
  }

  /// A child could not be started; what that means depends on who wanted it.
  mutating func startFailed(_ id: NodeID, _ origin: StartOrigin, _ why: Reason) {
    let parent = nodes[id.index].parent
    switch origin {
    case .request where startRetries(of: id) != nil: attemptFailed(id)
    case .request: failed(id, why: why)
    case .restart: attemptFailed(id)
    case .run:
      guard case .starting(let run) = self[parent].occupation, run.current == id else {
        // The root does not wait for its children; one that fails is tried again on its own.
        if parent == .root && end == nil { attemptFailed(id) }
        return
      }
      endRun(parent, run, failed: id, why: why)
    }
  }

  private mutating func endRun(
    _ parent: NodeID, _ run: StartRun, failed child: NodeID, why: Reason
  ) {
    switch run.purpose {
    case .boot:
      // OTP: what was started is stopped in reverse order, and the failure is the supervisor's.
      let reason = Reason.childDidNotStart(
        child: nodes[child.index].name, why: why.description)
      self[parent].mailbox = []
      self[parent].occupation = .stopping(
        StopRun(remaining: self[parent].children, next: .rollBack(why: reason)))
      agenda.append(.proceed(parent))
    case .restart where !isRetried(child), .resume where !isRetried(child):
      attemptFailed(child)
      self[parent].occupation = .starting(run.settled)
      agenda.append(.proceed(parent))
    case .restart, .resume:
      // Those after it stay down until the retry gets to them.
      for other in run.queue where nodes[other.index].phase.isRetrying {
        setPhase(
          other, .down(.stopped),
          why: .group(
            self[parent].specification.strategy, sibling: nodes[child.index].name))
      }
      self[parent].occupation = .none
      attemptFailed(child)
    case .request:
      self[parent].occupation = .none
      if startRetries(of: child) != nil {
        attemptFailed(child)
      } else {
        failed(child, why: why)
      }
      agenda.append(.proceed(parent))
    }
  }

  private func isRetried(_ id: NodeID) -> Bool {
    let node = nodes[id.index]
    return node.wish == .up && !isOut(id)
      && (node.policy.restart != .temporary || startRetries(of: id) != nil)
  }

  /// Queues another attempt, behind what already waits.
  private mutating func attemptFailed(_ id: NodeID) {
    let parent = nodes[id.index].parent
    guard nodes[id.index].wish == .up, !isOut(id) else {
      setPhase(id, .down(.stopped))
      return
    }
    countFailedStart(id)
    guard nodes[id.index].policy.restart != .temporary || startRetries(of: id) != nil else {
      nodes[id.index].bar = .dropped
      return failed(id, why: nodes[id.index].reason)
    }
    setPhase(id, .retrying(due: nil))
    post(.retry(id), to: parent)
  }

  /// A child that cannot be kept up; a critical one takes the tree with it.
  mutating func failed(_ id: NodeID, why: Reason) {
    setPhase(id, .down(.failed), why: why)
    note(agent: .agentFailed, supervisor: .supervisorFailed, id, why)
    stopTreeIfCritical(id, why: why)
  }

  mutating func stopTreeIfCritical(_ id: NodeID, why: Reason) {
    let node = nodes[id.index]
    guard node.policy.critical, node.parent == .root, end == nil else { return }
    let text = why.description
    stopTree(
      .criticalFailed(child: node.name, why: text),
      why: .criticalFailed(child: node.name, why: text))
  }
}

extension StartRun {
  /// The same run, free for the next child.
  fileprivate var settled: StartRun {
    var run = self
    run.current = nil
    return run
  }
}

extension Phase {
  var isRetrying: Bool {
    if case .retrying = self { true } else { false }
  }
}
