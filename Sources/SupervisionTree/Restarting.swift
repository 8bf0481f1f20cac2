// Deaths, the restart procedure, and giving up (OTP "Supervisor Behaviour").

extension SupervisionTree {
  mutating func exited(_ id: NodeID, _ termination: Termination) {
    guard case .agent(let agent) = nodes[id.index].kind else { return }
    switch nodes[id.index].phase {
    case .running(let isReady):
      let exitClass = agent.classOfEnd(termination)
      let why = Reason.ended(termination, exitClass)
      if isReady {
        nodes[id.index].failedStarts = nil
      } else {
        effects.append(.cancelTimer(id))
        countFailedStart(id)
      }
      record(id, termination, exitClass)
      setPhase(id, .ended, why: why)
      note(.agentExited, id, why)
      post(.ended(id), to: nodes[id.index].parent)
    case .stopping(.some) where nodes[id.index].afterStop == .decide:
      nodes[id.index].afterStop = nil
      record(id, termination, .abnormal)
      effects.append(.cancelTimer(id))
      setPhase(id, .ended)
      note(.agentExited, id, .ended(termination, .abnormal))
      post(.ended(id), to: nodes[id.index].parent)
    case .stopping(.some):
      record(id, termination, .requested)
      effects.append(.cancelTimer(id))
      setPhase(id, .down(.stopped))
      note(.agentExited, id, .ended(termination, .requested))
      agenda.append(.gone(id))
    case .stopping(rung: nil), .starting, .down, .waiting, .ended, .retrying: countStaleEvent()
    }
  }

  private mutating func record(_ id: NodeID, _ termination: Termination, _ exitClass: ExitClass) {
    nodes[id.index].lastExit = ExitRecord(
      termination: termination, exitClass: exitClass, incarnation: nodes[id.index].incarnation)
  }

  /// Handles the first mail of a supervisor that is free.
  mutating func takeMail(_ id: NodeID) {
    guard case .running = nodes[id.index].phase, !self[id].mailbox.isEmpty else { return }
    let mail = self[id].mailbox.removeFirst()
    switch mail {
    case .ended(let child): if nodes[child.index].phase == .ended { decide(id, child) }
    case .retry(let child):
      if nodes[child.index].phase == .retrying(due: nil), !retryStart(id, child) {
        restart(id, child, after: nodes[child.index].reason.description, .immediate)
      }
      // Its siblings wait for this attempt no longer: it was called off, or a reload untied them.
      if case .none = self[id].occupation { startLeftBehind(id) }
    case .due(let child): backoffOver(id, child)
    case .groupDue: groupBackoffOver(id)
    case .request(let request, let child): perform(request, on: child)
    case .replace(let child):
      if nodes[child.index].wish == .up { replace(child, why: .reloadChanged) }
    case .added(let child):
      if mayStart(child) { startAlone(child, why: .reloadAdded) }
    case .needsMet(let child): resume(id, child)
    }
    if !self[id].mailbox.isEmpty { agenda.append(.proceed(id)) }
  }

  /// A child ended by itself: restart it, or leave it down.
  private mutating func decide(_ id: NodeID, _ child: NodeID) {
    let node = nodes[child.index]
    // Operators may have spoken while a supervisor that gave up was still stopping.
    guard node.wish == .up, !isOut(child) else {
      return setPhase(child, .down(.stopped), why: isOut(child) ? nil : .operatorDown)
    }
    if node.afterStop == .startAgain {
      nodes[child.index].afterStop = nil
      setPhase(child, .down(.stopped))
      return perform(.up, on: child)
    }
    if retryStart(id, child) { return }
    let exit = isAgent(child) ? node.lastExit : nil
    let exitClass = exit?.exitClass ?? .normal
    let decision = node.policy.restart.decision(
      after: exitClass, termination: startRetries(of: child) == nil ? exit?.termination : nil)
    let why =
      if case .health(let reason) = node.reason {
        Reason.unhealthyNotRestarted(node.policy.restart, reason)
      } else if let exit {
        Reason.notRestarted(node.policy.restart, exit.termination, exitClass)
      } else {
        Reason.supervisorNotRestarted(node.policy.restart, after: node.reason.description)
      }
    switch decision {
    case .restart(let urgency):
      return restart(id, child, after: node.reason.description, urgency)
    case .fail:
      nodes[child.index].bar = .misconfigured
      return failed(child, why: .configurationError)
    case .drop:
      nodes[child.index].bar = .dropped
      stayDown(child, exitClass, why: why)
    case .leave: stayDown(child, exitClass, why: why)
    }
    shutDownAfter(child, of: id)
  }

  /// A supervisor that gave up has failed; an agent that ended has only exited.
  private mutating func stayDown(_ id: NodeID, _ exitClass: ExitClass, why: Reason) {
    let gaveUp = if case .intensityExceeded = nodes[id.index].reason { true } else { false }
    if gaveUp { return failed(id, why: why) }
    setPhase(id, .down(.exited), why: why)
    if exitClass == .abnormal { stopTreeIfCritical(id, why: why) }
  }

  /// The restart procedure: spend, or give up; stop what the strategy says; start again.
  private mutating func restart(
    _ id: NodeID, _ child: NodeID, after cause: String, _ urgency: RestartUrgency
  ) {
    let supervisor = self[id].specification
    let intensity = id == .root ? specification.intensity : supervisor.intensity
    let backoff = id == .root ? specification.backoff : supervisor.backoff
    let isSpared = isSpared(child)
    let spent =
      isSpared
      ? 0
      : id == .root
        ? nodes[child.index].window.spend(intensity, now: now)
        : self[id].window.spend(intensity, now: now)
    guard let number = spent else {
      let why = Reason.intensityExceeded(
        child: nodes[child.index].name, limit: intensity.limit, period: intensity.period,
        after: cause)
      return giveUp(id, on: child, why: why)
    }
    let why =
      isSpared
      ? Reason.spared(after: cause)
      : .restart(number: number, limit: intensity.limit, period: intensity.period, after: cause)
    let delay =
      isSpared ? .zero : backoff.delay(restart: number, urgency: urgency, jitter: &jitter)
    switch supervisor.strategy {
    case .oneForOne: restartAlone(id, child, delay: delay, why: why)
    case .oneForAll: restartGroup(id, from: 0, child, delay: delay, why: why)
    case .restForOne:
      let first = self[id].children.firstIndex(of: child) ?? 0
      restartGroup(id, from: first, child, delay: delay, why: why)
    }
  }

  mutating func restartAlone(
    _ id: NodeID, _ child: NodeID, delay: Duration, why: Reason
  ) {
    guard delay > .zero else {
      setPhase(child, .retrying(due: nil), why: why)
      return startAgain(id, child)
    }
    let due = now + delay
    setPhase(child, .retrying(due: due), why: why)
    note(isAgent(child) ? .agentBackoff : .supervisorBackoff, child, why, due: due)
    effects.append(.setTimer(child, due))
  }

  /// Starts children that a failed group restart left down and nothing else would start.
  mutating func startLeftBehind(_ id: NodeID) {
    guard case .running = nodes[id.index].phase else { return }
    let left = self[id].children.filter { nodes[$0.index].phase == .down(.stopped) && mayStart($0) }
    guard let first = left.first else { return }
    beginStarting(id, left, .restart, why: nodes[first.index].reason)
  }

  private mutating func startAgain(_ id: NodeID, _ child: NodeID) {
    // The request that says so is still in the mailbox.
    guard mayStart(child) else {
      return setPhase(child, .down(.stopped), why: isOut(child) ? nil : .operatorDown)
    }
    let why = nodes[child.index].reason
    if isSerial(id) { return beginStarting(id, [child], .restart, why: why) }
    nodes[child.index].restarts += 1
    start(child, .restart, why: why)
  }

  /// Stops the members that are still there in reverse order; `startGroup` follows.
  private mutating func restartGroup(
    _ id: NodeID, from first: Int, _ child: NodeID, delay: Duration, why: Reason
  ) {
    // A reload may have put those that wait for another group restart before this one.
    let pending = Set(self[id].pendingGroup?.members ?? [])
    let members = self[id].children.enumerated()
      .filter { $0.offset >= first || pending.contains($0.element) }.map(\.element)
    cancelPendingGroup(id)
    setPhase(child, .retrying(due: nil), why: why)
    note(.supervisorRestarting, id, why)
    for member in members
    where member != child && nodes[member.index].policy.restart == .temporary
      && nodes[member.index].bar == nil
    {
      nodes[member.index].bar = .dropped
    }
    let restart = GroupRestart(members: members, cause: child, delay: delay, why: why)
    self[id].occupation = .stopping(
      StopRun(remaining: members.filter { $0 != child }, next: .restartGroup(restart)))
    agenda.append(.proceed(id))
  }

  /// The stops of a group restart are over: start its members, at once or after the backoff.
  mutating func startGroup(_ id: NodeID, _ restart: GroupRestart) {
    guard restart.delay > .zero else {
      return beginStarting(id, restart.members, .restart, why: restart.why, cause: restart.cause)
    }
    let due = now + restart.delay
    for member in restart.members where mayStart(member) {
      let why =
        member == restart.cause
        ? restart.why
        : .group(
          self[id].specification.strategy, sibling: nodes[restart.cause.index].name)
      // The supervisor holds the one timer of the group.
      setPhase(member, .retrying(due: nil), why: why)
      note(isAgent(member) ? .agentBackoff : .supervisorBackoff, member, why, due: due)
    }
    self[id].pendingGroup = restart
    effects.append(.setTimer(id, due))
    agenda.append(.proceed(id))
  }

  private mutating func backoffOver(_ id: NodeID, _ child: NodeID) {
    guard case .retrying(let due?) = nodes[child.index].phase, now >= due else {
      return countStaleEvent()
    }
    startAgain(id, child)
  }

  mutating func cancelPendingGroup(_ id: NodeID) {
    guard self[id].pendingGroup != nil else { return }
    self[id].pendingGroup = nil
    self[id].mailbox.removeAll { $0 == .groupDue }
    effects.append(.cancelTimer(id))
  }

  mutating func groupBackoffOver(_ id: NodeID) {
    guard let restart = self[id].pendingGroup else { return countStaleEvent() }
    self[id].pendingGroup = nil
    beginStarting(id, restart.members, .restart, why: restart.why, cause: restart.cause)
  }

  /// The restart is not made. A supervisor stops its children and ends; the root only gives up on
  /// that one child.
  private mutating func giveUp(_ id: NodeID, on child: NodeID, why: Reason) {
    if id == .root { return failed(child, why: why) }
    setPhase(child, .down(.failed), why: why)
    note(agent: .agentFailed, supervisor: .supervisorFailed, child, why)
    note(.supervisorGaveUp, id, why)
    endSupervisor(id, .giveUp(why: why), why: why)
  }

  private mutating func endSupervisor(_ id: NodeID, _ next: StopRun.Next, why: Reason) {
    if self[id].pendingGroup != nil { effects.append(.cancelTimer(id)) }
    setPhase(id, .stopping(rung: nil), why: why)
    self[id].mailbox = []
    self[id].pendingGroup = nil
    self[id].occupation = .stopping(StopRun(remaining: self[id].children, next: next))
    agenda.append(.proceed(id))
  }

  /// OTP 24: a supervisor may end with its significant children.
  private mutating func shutDownAfter(_ child: NodeID, of id: NodeID) {
    guard id != .root, nodes[child.index].policy.significant else { return }
    let others = self[id].children.filter { $0 != child && nodes[$0.index].policy.significant }
    let ends =
      switch self[id].specification.autoShutdown {
      case .never: false
      case .anySignificant: true
      case .allSignificant:
        !others.contains { other in
          let phase = nodes[other.index].phase
          return phase.isAlive || phase.isRetrying || phase == .ended || phase == .waiting
        }
      }
    guard ends else { return }
    let why = Reason.significantEnded(child: nodes[child.index].name)
    note(.supervisorStopping, id, why)
    endSupervisor(id, .shutDown(why: why), why: why)
  }
}
