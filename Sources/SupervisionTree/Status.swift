// What people see of the tree.

/// One child, agent instance or supervisor, as status shows it.
package struct ChildStatus: Hashable, Sendable {
  package var id: NodeID
  package var name: String
  package var parent: String
  package var isSupervisor: Bool
  package var phase: PublicPhase
  package var isReady: Bool
  package var wish: Wish
  /// Of an agent its incarnation, of a supervisor how often it was started; grows with each start.
  package var incarnation: UInt64
  package var restarts: Int
  package var lastExit: ExitRecord?
  package var reason: Reason
  /// Whether `wish` is an operator's rather than the configuration's (`autostart = no`).
  package var isStoppedByOperator: Bool
}

/// What only a supervisor shows.
package struct SupervisorStatus: Hashable, Sendable {
  package var strategy: Strategy
  package var intensity: RestartIntensity
  package var restartsInPeriod: Int
  package var children: [String]
}

extension SupervisionTree {
  package var phase: PublicPhase { publicPhase(of: .root) }

  package var treeEnd: TreeEnd? { end }

  package func id(named name: String) -> NodeID? { ids[name] }

  /// Its supervisor; of a child of the root, and of the root itself, the root.
  package func parent(of id: NodeID) -> NodeID { nodes[id.index].parent }

  package func isSupervisor(_ id: NodeID) -> Bool { !isAgent(id) }

  package func name(of id: NodeID) -> String { nodes[id.index].name }

  /// Every child that is part of the tree, or was taken out and is not gone; parents before their
  /// children, siblings in start order.
  package var children: [NodeID] {
    var order: [NodeID] = []
    var stack = Array((self[.root].children + departing).reversed())
    while let id = stack.popLast() {
      order.append(id)
      if !isAgent(id) { stack += self[id].children.reversed() }
    }
    return order
  }

  package func status(of id: NodeID) -> ChildStatus {
    let node = nodes[id.index]
    return ChildStatus(
      id: id, name: node.name, parent: nodes[node.parent.index].name, isSupervisor: !isAgent(id),
      phase: publicPhase(of: id), isReady: isReady(id), wish: node.wish,
      incarnation: isAgent(id) ? node.incarnation : node.supervisorStarts, restarts: node.restarts,
      lastExit: node.lastExit,
      reason: node.reason, isStoppedByOperator: node.wish == .down && node.isWishOperators)
  }

  package func supervisorStatus(of id: NodeID, now: MonotonicTime) -> SupervisorStatus {
    let supervisor = self[id]
    let intensity = id == .root ? specification.intensity : supervisor.specification.intensity
    return SupervisorStatus(
      strategy: supervisor.specification.strategy, intensity: intensity,
      restartsInPeriod: supervisor.window.count(within: intensity.period, now: now),
      children: supervisor.children.map { nodes[$0.index].name })
  }

  package func publicPhase(of id: NodeID) -> PublicPhase {
    switch nodes[id.index].phase {
    case .down(.stopped): .stopped
    case .down(.exited), .ended: .exited
    case .down(.failed): .failed
    case .waiting: .waiting
    case .starting: .starting
    case .running: .running
    case .retrying: .backoff
    case .stopping: .stopping
    }
  }

  /// Whether every child that is meant to be up has been started, has come to rest, or waits for
  /// one that will not come.
  package var isUp: Bool {
    guard case .running = nodes[0].phase else { return false }
    let halted = haltedNodes()
    return children.allSatisfy { id in
      switch nodes[id.index].phase {
      case .starting, .ended: false
      case .waiting: halted[id.index]
      case .down, .running, .retrying, .stopping: true
      }
    }
  }

  /// For every node, whether it gets no further unless something restarts or an operator acts: it
  /// is down or backs off, or waits for one that is halted, and so on along the needs.
  private func haltedNodes() -> [Bool] {
    var halted = nodes.map { node in
      switch node.phase {
      case .down, .retrying: true
      case .waiting, .starting, .running, .ended, .stopping: false
      }
    }
    let children = children
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for id in children where !halted[id.index] && isHalted(id, by: halted) {
        halted[id.index] = true
        hasChanged = true
      }
    }
    return halted
  }

  private func isHalted(_ id: NodeID, by halted: [Bool]) -> Bool {
    switch nodes[id.index].phase {
    case .waiting: return blockers(of: id).contains { halted[$0.index] }
    case .running(ready: false) where !isAgent(id):
      let missing = self[id].children.filter { !satisfies($0) }
      return missing.allSatisfy { halted[$0.index] }
    case .down, .starting, .running, .ended, .retrying, .stopping: return false
    }
  }
}
