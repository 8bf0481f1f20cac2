// The shape of the tree: nodes from specifications, and what follows from who needs whom.

extension SupervisionTree {
  /// One child of a specification with the name of its supervisor, in start order.
  struct Placement {
    var parent: String
    var child: ChildSpecification
  }

  /// Every child below the root, parents before their children, siblings in order.
  static func placements(of specification: TreeSpecification) -> [Placement] {
    var placed = specification.children.map { Placement(parent: "root", child: $0) }
    var next = 0
    while next < placed.count {
      if case .supervisor(let supervisor) = placed[next].child {
        placed += supervisor.children.map { Placement(parent: supervisor.name, child: $0) }
      }
      next += 1
    }
    return placed
  }

  mutating func build(stopped: Set<String>) {
    ids["root"] = .root
    for placement in Self.placements(of: specification) {
      let id = add(placement)
      if stopped.contains(nodes[id.index].name) {
        nodes[id.index].wish = .down
        nodes[id.index].isWishOperators = true
        nodes[id.index].reason = .operatorDown
      }
    }
    resolveNeeds()
  }

  /// Adds a node, last among its siblings.
  @discardableResult
  mutating func add(_ placement: Placement) -> NodeID {
    let id = NodeID(index: nodes.count)
    let parent = ids[placement.parent] ?? .root
    let policy = placement.child.policy
    let kind: Node.Kind =
      switch placement.child {
      case .agent(let agent): .agent(agent)
      case .supervisor(let supervisor): .supervisor(Supervisor(specification: supervisor))
      }
    var node = Node(
      name: placement.child.name, parent: parent, kind: kind, policy: policy,
      wish: policy.autostart ? .up : .down)
    if !policy.autostart { node.reason = .autostartOff }
    if case .agent = kind { node.incarnation = pastIncarnations[node.name] ?? 0 }
    nodes.append(node)
    precondition(ids.updateValue(id, forKey: node.name) == nil, "\(node.name) is there twice")
    self[parent].children.append(id)
    return id
  }

  /// Looks up the names in `needs`, and derives from them which siblings stop before which.
  mutating func resolveNeeds() {
    var instances: [String: [NodeID]] = [:]
    for index in nodes.indices where ids[nodes[index].name] == NodeID(index: index) {
      let name = nodes[index].name
      if let colon = name.lastIndex(of: ":") {
        instances[String(name[..<colon]), default: []].append(NodeID(index: index))
      }
    }
    for index in nodes.indices {
      nodes[index].stopsAfter = []
      nodes[index].needs = nodes[index].policy.needs.map { need in
        ResolvedNeed(need: need, nodes: ids[need.name].map { [$0] } ?? instances[need.name] ?? [])
      }
    }
    for index in nodes.indices {
      for need in nodes[index].needs.flatMap(\.nodes) {
        guard let (dependent, needed) = siblings(above: NodeID(index: index), need),
          !nodes[needed.index].stopsAfter.contains(dependent)
        else { continue }
        nodes[needed.index].stopsAfter.append(dependent)
      }
    }
  }

  /// The two siblings whose subtrees hold `first` and `second`; nil when one is above the other.
  private func siblings(above first: NodeID, _ second: NodeID) -> (NodeID, NodeID)? {
    let upFirst = path(to: first)
    let upSecond = path(to: second)
    for (one, other) in zip(upFirst, upSecond) where one != other { return (one, other) }
    return nil
  }

  /// From the child of the root down to `id`.
  private func path(to id: NodeID) -> [NodeID] {
    var path: [NodeID] = []
    var node = id
    while node != .root {
      path.append(node)
      node = nodes[node.index].parent
    }
    return path.reversed()
  }
}
