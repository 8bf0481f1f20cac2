// Stopping children: the order in which they go, and the ladder by which each one does.

extension SupervisionTree {
  /// Tells a child to stop. `gone` follows, at once if there is nothing to wait for.
  mutating func beginStop(_ id: NodeID, why: Reason) {
    switch nodes[id.index].phase {
    case .down: agenda.append(.gone(id))
    case .waiting, .retrying:
      setPhase(id, .down(.stopped), why: why)
      agenda.append(.gone(id))
    case .ended:
      absorbDeath(of: id)
      setPhase(id, .down(.stopped), why: why)
      agenda.append(.gone(id))
    case .starting where isAgent(id):
      setPhase(id, .stopping(rung: nil), why: why)
      note(.agentStopping, id, why)
    case .running(let isReady) where isAgent(id):
      if !isReady { effects.append(.cancelTimer(id)) }
      nodes[id.index].reason = why
      note(.agentStopping, id, why)
      enterRung(id, 0)
    case .stopping where isAgent(id): break
    case .starting, .running, .stopping: stopChildren(of: id, why: why)
    }
  }

  /// Its death waits in the mailbox; the stop that reached it takes the place of a decision.
  private mutating func absorbDeath(of id: NodeID) {
    self[nodes[id.index].parent].mailbox.removeAll { $0 == .ended(id) }
  }

  /// A supervisor was told to stop: whatever it was doing ends, its mail is dropped, and children
  /// already told to stop are waited for.
  private mutating func stopChildren(of id: NodeID, why: Reason) {
    if self[id].pendingGroup != nil { effects.append(.cancelTimer(id)) }
    var told: [NodeID] = []
    if case .stopping(let run) = self[id].occupation { told = run.inProgress }
    setPhase(id, .stopping(rung: nil), why: why)
    note(.supervisorStopping, id, why)
    self[id].mailbox = []
    self[id].pendingGroup = nil
    let others = self[id].children + (id == .root ? departing : [])
    let run = StopRun(
      remaining: others.filter { !told.contains($0) }, inProgress: told, next: .stopped)
    self[id].occupation = .stopping(run)
    agenda.append(.proceed(id))
  }

  mutating func continueStopping(_ id: NodeID, _ run: StopRun) {
    var run = run
    let next = takeStoppable(id, &run)
    self[id].occupation = .stopping(run)
    let why = run.reasonForMembers(of: self[id].specification, in: self)
    for child in next {
      nodes[child.index].afterStop = nil
      if case .restartGroup(let restart) = run.next, nodes[child.index].bar == .dropped {
        beginStop(child, why: .temporaryDropped(sibling: nodes[restart.cause.index].name))
      } else {
        beginStop(child, why: why)
      }
    }
    if run.remaining.isEmpty && run.inProgress.isEmpty { finishStopping(id, run.next) }
  }

  /// The children that may be told to stop now: the last one where siblings stop one by one, else
  /// all that nothing still there depends on.
  private func takeStoppable(_ id: NodeID, _ run: inout StopRun) -> [NodeID] {
    var next: [NodeID] = []
    if isSerial(id) {
      if run.inProgress.isEmpty, let last = run.remaining.popLast() { next = [last] }
    } else if !run.remaining.isEmpty {
      var present = [Bool](repeating: false, count: nodes.count)
      for child in run.remaining + run.inProgress { present[child.index] = true }
      let highest = (run.remaining + run.inProgress).map(priority).max()
      next = run.remaining.reversed().filter { child in
        priority(of: child) == highest
          && !nodes[child.index].stopsAfter.contains { present[$0.index] }
      }
      // Subtrees that need each other both ways have no order; one of them has to begin.
      if next.isEmpty, run.inProgress.isEmpty, let last = run.remaining.last { next = [last] }
      for child in next { present[child.index] = false }
      run.remaining.removeAll { !present[$0.index] }
    }
    run.inProgress += next
    return next
  }

  private func priority(of id: NodeID) -> Int { nodes[id.index].policy.priority ?? .min }

  private mutating func finishStopping(_ id: NodeID, _ next: StopRun.Next) {
    self[id].occupation = .none
    switch next {
    case .rollBack(let why):
      guard case .starting(let origin) = nodes[id.index].phase else {
        preconditionFailure("only a start is rolled back")
      }
      self[id].mailbox = []
      setPhase(id, .down(.failed), why: why)
      note(.supervisorStopped, id, why)
      agenda.append(.startFailed(id, origin, why))
    case .giveUp(let why), .shutDown(let why):
      setPhase(id, .ended, why: why)
      note(.supervisorStopped, id, why)
      post(.ended(id), to: nodes[id.index].parent)
    case .stopped:
      setPhase(id, .down(.stopped))
      note(.supervisorStopped, id, nodes[id.index].reason)
      if id == .root { effects.append(.treeStopped(end ?? .asked)) }
      agenda.append(.gone(id))
    case .restartGroup(let restart): startGroup(id, restart)
    }
  }

  /// A child that was told to stop is gone: its supervisor goes on, or it starts anew.
  mutating func gone(_ id: NodeID) {
    guard id != .root else { return }
    let parent = nodes[id.index].isDeparting ? .root : nodes[id.index].parent
    let then = nodes[id.index].afterStop
    nodes[id.index].afterStop = nil
    if nodes[id.index].isDeparting { depart(id) }
    switch self[parent].occupation {
    case .stopping(var run):
      guard let index = run.inProgress.firstIndex(of: id) else { break }
      run.inProgress.remove(at: index)
      self[parent].occupation = .stopping(run)
      agenda.append(.proceed(parent))
      return
    case .single(id):
      self[parent].occupation = .none
      agenda.append(.proceed(parent))
    case .single, .starting, .none: break
    }
    guard then == .startAgain, mayStart(id), case .running = nodes[parent.index].phase else {
      return
    }
    // A reload may have tied siblings together meanwhile.
    if case .none = self[parent].occupation {
      startAlone(id, why: nodes[id.index].reason)
    } else {
      post(.request(.restart, id), to: parent)
    }
  }
}

// MARK: - The ladder

extension SupervisionTree {
  /// Does what a rung says; once hurried, there is only the last one.
  mutating func enterRung(_ id: NodeID, _ rung: Int) {
    guard case .agent(let agent) = nodes[id.index].kind else { return }
    let last = agent.stopLadder.count - 1
    let rung = isHurried ? last : min(rung, last)
    let step = agent.stopLadder[rung]
    setPhase(id, .stopping(rung: rung))
    effects.append(effect(of: step, on: id))
    if let grace = step.grace, rung < last {
      effects.append(.setTimer(id, now + grace))
    } else {
      effects.append(.cancelTimer(id))
    }
  }

  /// What a rung has done to the process.
  func effect(of step: StopRung, on id: NodeID) -> Effect {
    let node = nodes[id.index]
    switch step.action {
    case .message:
      return .askToStop(
        id, incarnation: node.incarnation, grace: step.grace ?? .zero, why: node.reason)
    case .signal(let number): return .signal(id, incarnation: node.incarnation, number)
    case .kill: return .kill(id, incarnation: node.incarnation)
    }
  }

  mutating func climb(_ id: NodeID, from rung: Int) {
    guard case .agent(let agent) = nodes[id.index].kind, rung + 1 < agent.stopLadder.count else {
      return countStaleEvent()
    }
    note(.agentStopping, id, .graceOver(agent.stopLadder[rung].grace ?? .zero))
    enterRung(id, rung + 1)
  }

  /// Nobody listens on the message rung: the next one is as good now as later.
  mutating func stopUnheard(_ id: NodeID) {
    guard case .stopping(let rung?) = nodes[id.index].phase,
      case .agent(let agent) = nodes[id.index].kind, agent.stopLadder[rung].action == .message
    else { return countStaleEvent() }
    enterRung(id, rung + 1)
  }

  /// systemd's `EXTEND_TIMEOUT_USEC` while a unit stops. One that is not healthy has no say in it.
  mutating func extendStop(_ id: NodeID, by span: Duration) {
    guard case .stopping(let rung?) = nodes[id.index].phase, !isHurried,
      nodes[id.index].afterStop != .decide,
      case .agent(let agent) = nodes[id.index].kind, rung + 1 < agent.stopLadder.count
    else { return countStaleEvent() }
    effects.append(.setTimer(id, now + span))
  }

  mutating func hurry() {
    isHurried = true
    for index in nodes.indices {
      let id = NodeID(index: index)
      guard case .stopping(let rung?) = nodes[index].phase, isAgent(id) else { continue }
      climb(id, from: rung)
    }
  }
}

extension StopRun {
  /// What its children are told.
  func reasonForMembers(
    of specification: SupervisorSpecification, in tree: SupervisionTree
  ) -> Reason {
    switch next {
    case .rollBack(let why): why
    case .shutDown: .supervisorStops(specification.name)
    case .giveUp: .supervisorGaveUp(specification.name)
    case .stopped:
      specification.name == "root"
        ? tree.nodes[0].reason : .supervisorStops(specification.name)
    case .restartGroup(let restart):
      .group(specification.strategy, sibling: tree.nodes[restart.cause.index].name)
    }
  }
}
