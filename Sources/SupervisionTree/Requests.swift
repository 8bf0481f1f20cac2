// What operators ask for. A request touches its child alone, under every strategy, and spends
// nothing (OTP terminate_child, restart_child).

extension SupervisionTree {
  /// Why a request could not be carried out now; nil when it can.
  package func refusal(of request: Request, on id: NodeID) -> String? {
    guard end == nil else { return "superv is shutting down" }
    let parent = nodes[id.index].parent
    switch (request, nodes[parent.index].phase) {
    case (.down, _), (_, .running), (_, .starting): return nil
    case (.up, .down), (.up, .waiting), (.up, .ended), (.up, .retrying), (.up, .stopping),
      (.restart, .down), (.restart, .waiting), (.restart, .ended), (.restart, .retrying),
      (.restart, .stopping):
      let supervisor = nodes[parent.index].name
      return "its supervisor \(supervisor) is \(publicPhase(of: parent).rawValue); "
        + "`superv up \(supervisor)` starts both"
    }
  }

  /// Remembers the wish at once; its supervisor acts on it when it gets to it.
  mutating func post(_ request: Request, _ id: NodeID) {
    guard nodes.indices.contains(id.index), id != .root, !isOut(id) else {
      return countStaleEvent()
    }
    nodes[id.index].wish = request == .down ? .down : .up
    nodes[id.index].isWishOperators = true
    needsChanged = true
    let parent = nodes[id.index].parent
    switch nodes[parent.index].phase {
    case .running, .starting: post(.request(request, id), to: parent)
    case .down, .waiting, .ended, .retrying, .stopping:
      // It starts with its supervisor.
      if request != .down { nodes[id.index].bar = nil }
    }
  }

  mutating func perform(_ request: Request, on id: NodeID) {
    // A later request that is still in the mailbox may have taken this one back.
    guard !isOut(id), request == .down || nodes[id.index].wish == .up else { return }
    switch request {
    case .down: takeDown(id)
    case .up: bringUp(id, why: .operatorUp)
    case .restart: replace(id, why: .operatorRestart)
    }
  }

  private mutating func takeDown(_ id: NodeID) {
    switch nodes[id.index].phase {
    case .down: setPhase(id, .down(.stopped), why: .operatorDown)
    case .waiting, .retrying, .ended, .starting, .running:
      stopAlone(id, why: .operatorDown, then: .rest)
    case .stopping:
      nodes[id.index].afterStop = .rest
      nodes[id.index].reason = .operatorDown
    }
  }

  /// Starts a child that is down; one that waits for its backoff does not wait any longer.
  private mutating func bringUp(_ id: NodeID, why: Reason) {
    let parent = nodes[id.index].parent
    switch nodes[id.index].phase {
    case .down:
      nodes[id.index].bar = nil
      nodes[id.index].window = RestartWindow()
      nodes[id.index].failedStarts = nil
      startAlone(id, why: why)
    case .retrying(due: .some): startAlone(id, why: why)
    case .retrying(due: nil):
      guard self[parent].pendingGroup?.members.contains(id) == true else { break }
      effects.append(.cancelTimer(parent))
      groupBackoffOver(parent)
    case .stopping:
      nodes[id.index].afterStop = .startAgain
      nodes[id.index].reason = why
    case .waiting, .starting, .running, .ended: break
    }
  }

  mutating func replace(_ id: NodeID, why: Reason) {
    switch nodes[id.index].phase {
    case .starting, .running: stopAlone(id, why: why, then: .startAgain)
    case .down, .retrying, .stopping, .waiting, .ended: bringUp(id, why: why)
    }
  }

  /// Stops one child; its siblings are not touched, but where they are tied to it nothing else is
  /// done meanwhile.
  mutating func stopAlone(_ id: NodeID, why: Reason, then: AfterStop) {
    let parent = nodes[id.index].parent
    nodes[id.index].afterStop = then
    if isSerial(parent) { self[parent].occupation = .single(id) }
    if !nodes[id.index].phase.isAlive {
      note(agent: .agentStopped, supervisor: .supervisorStopped, id, why)
    }
    beginStop(id, why: why)
  }

  /// Starts one child that has no process, for an operator or a reload. A failure is the answer: it
  /// spends nothing, so that what was asked for can hurt nobody else.
  mutating func startAlone(_ id: NodeID, why: Reason) {
    let parent = nodes[id.index].parent
    if isSerial(parent) {
      beginStarting(parent, [id], .request, why: why)
    } else {
      start(id, .request, why: why)
    }
  }
}
