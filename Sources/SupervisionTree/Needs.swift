// What a child needs before it starts, and what its readiness means for those above it.

extension SupervisionTree {
  /// What `id` needs and does not have; under `rest_for_one` that includes the sibling before it.
  func unmetNeeds(of id: NodeID) -> [Need] {
    var unmet = nodes[id.index].needs.filter { need in
      !need.nodes.allSatisfy { holds(need.need.condition, $0) }
    }.map(\.need)
    if let predecessor = nodes[id.index].predecessor, nodes[predecessor.index].phase.isAlive {
      unmet.append(Need(nodes[predecessor.index].name, .done))
    }
    let parent = nodes[id.index].parent
    guard self[parent].specification.strategy == .restForOne, unmet.isEmpty,
      let before = siblingBefore(id, in: parent), !isReady(before)
    else { return unmet }
    return [Need(nodes[before.index].name, .ready)]
  }

  /// The nearest sibling before it that is meant to be up.
  private func siblingBefore(_ id: NodeID, in parent: NodeID) -> NodeID? {
    let children = self[parent].children
    guard let index = children.firstIndex(of: id) else { return nil }
    return children[..<index].last { sibling in
      let node = nodes[sibling.index]
      guard node.wish == .up, node.bar == nil else { return false }
      switch node.phase {
      case .down: return false
      case .waiting, .starting, .running, .ended, .retrying, .stopping: return true
      }
    }
  }

  /// Those whose state keeps a waiting child from starting.
  func blockers(of id: NodeID) -> [NodeID] {
    let needed = nodes[id.index].needs.flatMap { need in
      need.nodes.filter { !holds(need.need.condition, $0) }
    }
    let parent = nodes[id.index].parent
    guard self[parent].specification.strategy == .restForOne, needed.isEmpty,
      let before = siblingBefore(id, in: parent), !isReady(before)
    else { return needed }
    return [before]
  }

  private func holds(_ condition: Need.Condition, _ id: NodeID) -> Bool {
    switch condition {
    case .started: hasStarted(id)
    case .ready: isReady(id)
    case .done: isDone(id)
    }
  }

  private func hasStarted(_ id: NodeID) -> Bool {
    if case .running = nodes[id.index].phase { true } else { false }
  }

  package func isReady(_ id: NodeID) -> Bool { nodes[id.index].phase == .running(ready: true) }

  private func isDone(_ id: NodeID) -> Bool {
    let node = nodes[id.index]
    guard node.phase == .down(.exited) else { return false }
    return !isAgent(id) || node.lastExit?.exitClass == .normal
  }

  mutating func becomeReady(_ id: NodeID, why: Reason) {
    setPhase(id, .running(ready: true))
    note(.agentReady, id, why)
  }

  /// A supervisor is ready when all its children that are meant to be up are ready or done.
  mutating func refreshReadiness(above id: NodeID) {
    var parent = nodes[id.index].parent
    while parent != .root, refreshReadiness(of: parent) { parent = nodes[parent.index].parent }
  }

  /// - Returns: whether it changed.
  @discardableResult
  mutating func refreshReadiness(of id: NodeID) -> Bool {
    guard case .running(let was) = nodes[id.index].phase else { return true }
    let ready = self[id].children.allSatisfy(satisfies)
    guard ready != was else { return false }
    nodes[id.index].phase = .running(ready: ready)
    needsChanged = true
    return true
  }

  func satisfies(_ child: NodeID) -> Bool {
    let node = nodes[child.index]
    if node.wish == .down || node.bar == .dropped { return true }
    switch node.phase {
    case .running(let isReady): return isReady
    case .down(let rest): return rest == .exited
    case .waiting, .starting, .ended, .retrying, .stopping: return false
    }
  }

  /// Tells the supervisors of waiting children whose needs are met now.
  mutating func wakeWaiting() {
    needsChanged = false
    guard end == nil else { return }
    // Mostly nobody waits, and a look at each would be the longest part of many an event.
    let count = waitingCount ?? nodes.count(where: { $0.phase == .waiting })
    waitingCount = count
    if count == 0 { return }
    for index in nodes.indices {
      guard case .waiting = nodes[index].phase else { continue }
      let id = NodeID(index: index)
      let parent = nodes[index].parent
      guard case .running = nodes[parent.index].phase, unmetNeeds(of: id).isEmpty,
        !self[parent].mailbox.contains(.needsMet(id))
      else { continue }
      post(.needsMet(id), to: parent)
    }
  }

  mutating func resume(_ parent: NodeID, _ id: NodeID) {
    guard nodes[id.index].phase == .waiting, mayStart(id), unmetNeeds(of: id).isEmpty else {
      return
    }
    if isSerial(parent) {
      beginStarting(parent, [id], .resume, why: .needsMet)
    } else {
      start(id, .restart, why: .needsMet)
    }
  }
}
