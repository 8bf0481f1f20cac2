// A new specification as a difference from the running one: what is not touched by it does not
// notice.

/// What a reload would do, or did. Names of instances and supervisors in the order of the new
/// configuration.
package struct ReloadPlan: Hashable, Sendable {
  /// New, and started unless `autostart = no`.
  package var start: [String] = []
  /// No longer there.
  package var stop: [String] = []
  /// Needs a new process, or has another supervisor.
  package var restart: [String] = []
  /// Only rules change: restart type, strategy, budget, order, needs, stop ladder.
  package var update: [String] = []
  package var unchangedCount = 0

  package init() {}

  package var isEmpty: Bool { start.isEmpty && stop.isEmpty && restart.isEmpty && update.isEmpty }
}

extension SupervisionTree {
  private enum Change {
    case same, update, replace, move, add
  }

  /// What `reload` would do with this specification now.
  package func plan(for new: TreeSpecification) -> ReloadPlan {
    var plan = ReloadPlan()
    let placements = Self.placements(of: new)
    for (placement, change) in zip(placements, changes(placements)) {
      let name = placement.child.name
      switch change {
      case .same: plan.unchangedCount += 1
      case .update: plan.update.append(name)
      case .replace, .move: plan.restart.append(name)
      case .add: plan.start.append(name)
      }
    }
    let names = Set(placements.map(\.child.name))
    plan.stop = livingNodes().map { nodes[$0.index].name }.filter { !names.contains($0) }
    return plan
  }

  /// Nodes below the root that no reload has taken out, in the order of the tree.
  private func livingNodes() -> [NodeID] {
    nodes.indices.dropFirst().map { NodeID(index: $0) }.filter { ids[nodes[$0.index].name] == $0 }
  }

  /// What a supervisor that moves has below it moves as well: its processes stop with it.
  private func changes(_ placements: [Placement]) -> [Change] {
    var moved: Set<String> = []
    return placements.map { placement in
      var change = change(placement)
      if change != .add, moved.contains(placement.parent) { change = .move }
      if change == .move { moved.insert(placement.child.name) }
      return change
    }
  }

  private func change(_ placement: Placement) -> Change {
    guard let id = ids[placement.child.name] else { return .add }
    let node = nodes[id.index]
    guard nodes[node.parent.index].name == placement.parent else { return .move }
    switch (node.kind, placement.child) {
    case (.agent(let old), .agent(let new)):
      if old.fingerprint != new.fingerprint { return .replace }
      return old == new ? .same : .update
    case (.supervisor(let old), .supervisor(let new)):
      return old.specification.isSame(as: new) ? .same : .update
    case (.agent, .supervisor), (.supervisor, .agent), (.moved, _): return .move
    }
  }

  mutating func reload(_ new: TreeSpecification) {
    guard end == nil else { return countStaleEvent() }
    let placements = Self.placements(of: new)
    let changes = changes(placements)
    let names = Set(placements.map(\.child.name))
    let removed = livingNodes().filter { !names.contains(nodes[$0.index].name) }
    let moved = zip(placements, changes).filter { $0.1 == .move }
      .compactMap { ids[$0.0.child.name] }
    let wishes = moved.map { (nodes[$0.index].name, wishOfOperator(for: $0)) }

    specification = new
    // Supervisors come before their children, which they then stop in their order.
    for id in (removed + moved).sorted() {
      takeOut(id, why: names.contains(nodes[id.index].name) ? .reloadMoved : .reloadRemoved)
    }
    var added: [NodeID] = []
    for (placement, change) in zip(placements, changes) {
      switch change {
      case .same, .update: update(placement.child)
      case .replace:
        let id = update(placement.child)
        nodes[id.index].bar = nil
        nodes[id.index].window = RestartWindow()
        if hasStarted(under: nodes[id.index].parent, id) {
          post(.replace(id), to: nodes[id.index].parent)
        }
      case .add, .move: added.append(place(placement))
      }
    }
    for case (let name, let wish?) in wishes { keep(wish, for: name) }
    reorder(placements)
    resolveNeeds()
    for id in added { startAdded(id) }
    // Children come after their supervisors.
    for id in nodes.indices.reversed().map({ NodeID(index: $0) }) where !isAgent(id) {
      refreshReadiness(of: id)
    }
    needsChanged = true
  }

  /// Takes a node out of its supervisor's hands and stops it with everything below it.
  private mutating func takeOut(_ id: NodeID, why: Reason) {
    let name = nodes[id.index].name
    if ids[name] == id { ids[name] = nil }
    let parent = nodes[id.index].parent
    // A supervisor that leaves as well takes its children along.
    guard ids[nodes[parent.index].name] == parent else { return }
    self[parent].forget(id)
    nodes[id.index].isDeparting = true
    nodes[id.index].wish = .down
    nodes[id.index].afterStop = nil
    departing.append(id)
    beginStop(id, why: why)
    agenda.append(.proceed(parent))
  }

  /// Whether a reload took it out of the tree, alone or with a supervisor above it: whatever
  /// happens until it is gone, nothing of it starts again.
  func isOut(_ id: NodeID) -> Bool { ids[nodes[id.index].name] != id }

  /// It is gone for good.
  mutating func depart(_ id: NodeID) {
    guard let index = departing.firstIndex(of: id) else { return }
    departing.remove(at: index)
    note(
      agent: .agentRemoved, supervisor: .supervisorRemoved, id, nodes[id.index].reason)
    needsChanged = true
  }

  /// What an operator asked for; nil where the configuration alone has spoken.
  private func wishOfOperator(for id: NodeID) -> Wish? {
    let node = nodes[id.index]
    let isDefault = node.wish == (node.policy.autostart ? .up : .down)
    return isDefault && (node.wish == .up || node.reason == .autostartOff) ? nil : node.wish
  }

  private mutating func keep(_ wish: Wish, for name: String) {
    guard let id = ids[name] else { return }
    nodes[id.index].wish = wish
    switch wish {
    case .up: nodes[id.index].reason = .notStarted
    case .down: nodes[id.index].reason = .operatorDown
    }
  }

  /// The node of this name whose process may still be there: the newest, or while that one waits
  /// for another itself, the one it waits for.
  private func predecessor(named name: String) -> NodeID? {
    var newest = nodes.indices.last { nodes[$0].name == name }.map { NodeID(index: $0) }
    while let id = newest, !nodes[id.index].phase.isAlive, let older = nodes[id.index].predecessor {
      newest = older
    }
    return newest
  }

  private mutating func place(_ placement: Placement) -> NodeID {
    let name = placement.child.name
    let predecessor = predecessor(named: name)
    let incarnation = nodes.filter { $0.name == name }.map(\.incarnation).max() ?? 0
    let id = add(placement)
    if let predecessor {
      nodes[id.index].incarnation = max(incarnation, nodes[id.index].incarnation)
      nodes[id.index].restarts = nodes[predecessor.index].restarts
      nodes[id.index].predecessor = predecessor
    }
    return id
  }

  @discardableResult
  private mutating func update(_ child: ChildSpecification) -> NodeID {
    guard let id = ids[child.name] else { preconditionFailure("\(child.name) is not there") }
    let autostarts = child.policy.autostart && nodes[id.index].reason == .autostartOff
    nodes[id.index].policy = child.policy
    switch child {
    case .agent(let agent): nodes[id.index].kind = .agent(agent)
    case .supervisor(let supervisor): self[id].specification = supervisor
    }
    if autostarts && nodes[id.index].phase == .down(.stopped) {
      nodes[id.index].wish = .up
      startAdded(id)
    }
    return id
  }

  /// Whether the start of its supervisor, if that runs, has got to it.
  private func hasStarted(under parent: NodeID, _ id: NodeID) -> Bool {
    switch nodes[parent.index].phase {
    case .running: true
    case .starting: nodes[id.index].phase != .down(.stopped)
    case .down, .waiting, .ended, .retrying, .stopping: false
    }
  }

  /// Every supervisor has its children in the order of the new configuration.
  private mutating func reorder(_ placements: [Placement]) {
    for id in livingNodes() + [.root] where !isAgent(id) { self[id].children = [] }
    for placement in placements {
      guard let id = ids[placement.child.name], let parent = ids[placement.parent] else { continue }
      self[parent].children.append(id)
    }
  }

  /// Where its supervisor runs, a new child starts; elsewhere it starts with its supervisor.
  private mutating func startAdded(_ id: NodeID) {
    guard nodes[id.index].wish == .up else { return }
    let parent = nodes[id.index].parent
    switch nodes[parent.index].phase {
    case .running, .starting: post(.added(id), to: parent)
    case .down, .waiting, .ended, .retrying, .stopping: break
    }
  }
}

extension SupervisorSpecification {
  /// Whether its own rules are the same; its children are compared one by one.
  fileprivate func isSame(as other: Self) -> Bool {
    var one = self
    one.children = other.children
    return one == other && children.map(\.name) == other.children.map(\.name)
  }
}

extension Supervisor {
  /// A child that left is in none of its lists any more.
  fileprivate mutating func forget(_ id: NodeID) {
    children.removeAll { $0 == id }
    // A retry stays: its siblings wait for that attempt.
    mailbox.removeAll { $0.child == id && $0 != .retry(id) }
    pendingGroup?.members.removeAll { $0 == id }
    switch occupation {
    case .none: break
    case .single(let child): if child == id { occupation = .none }
    case .starting(var run):
      run.queue.removeAll { $0 == id }
      if run.current == id { run.current = nil }
      occupation = .starting(run)
    case .stopping(var run):
      run.remaining.removeAll { $0 == id }
      run.inProgress.removeAll { $0 == id }
      occupation = .stopping(run)
    }
  }
}

extension Mail {
  /// The child it is about.
  fileprivate var child: NodeID? {
    switch self {
    case .ended(let id), .retry(let id), .due(let id), .request(_, let id), .needsMet(let id),
      .replace(let id), .added(let id):
      id
    case .groupDue: nil
    }
  }
}
