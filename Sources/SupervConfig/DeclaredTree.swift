import SupervisionTree

// The tree that `children` makes of what was declared: who is under whom.

struct DeclaredTree {
  /// An agent instance or a supervisor.
  struct Node {
    /// Of the instance, or of the supervisor.
    var name: String
    /// Index of what declares it, in file order.
    var declaration: Int
    /// nil: a supervisor.
    var instance: Int?
    /// nil: the root.
    var parent: Int?
    /// Where its parent lists it.
    var listedAt: Place?
    /// In start order.
    var children: [Int] = []
    /// Number of supervisors above it.
    var depth = 0
  }

  let declarations: [DeclaredSettings.Child]
  /// The superv section's part in the checks.
  let superv: SupervSettings
  let supervKeys: ReadKeys
  /// In file order.
  var nodes: [Node] = []
  /// The nodes that a name means: an agent's name means all its instances.
  private(set) var nodesByName: [String: [Int]] = [:]

  init(_ settings: DeclaredSettings, _ reading: inout Reading) {
    declarations = settings.children
    superv = settings.superv
    supervKeys = settings.supervKeys
    for (index, declaration) in declarations.enumerated() {
      switch declaration {
      case .supervisor(let supervisor):
        nodesByName[supervisor.name] = [nodes.count]
        nodes.append(Node(name: supervisor.name, declaration: index))
      case .agent(let agent):
        nodesByName[agent.name] = Array(nodes.count..<(nodes.count + agent.instances.count))
        for instance in agent.instances.indices {
          let name = agent.instanceName(instance)
          if name != agent.name { nodesByName[name] = [nodes.count] }
          nodes.append(Node(name: name, declaration: index, instance: instance))
        }
      }
    }
    for index in nodes.indices where nodes[index].instance == nil {
      placeChildren(of: index, &reading)
    }
    cutCircles(&reading)
    measureDepth(&reading)
  }

  // MARK: Access

  func supervisor(_ node: Int) -> DeclaredSupervisor? {
    guard case .supervisor(let supervisor) = declarations[nodes[node].declaration] else {
      return nil
    }
    return supervisor
  }

  func policy(_ node: Int) -> ChildPolicy {
    switch declarations[nodes[node].declaration] {
    case .supervisor(let supervisor): supervisor.settings.policy
    case .agent(let agent): agent.instances[nodes[node].instance ?? 0].policy
    }
  }

  func needs(_ node: Int) -> [PlacedNeed] {
    switch declarations[nodes[node].declaration] {
    case .supervisor(let supervisor): supervisor.settings.needs
    case .agent(let agent): agent.instances[nodes[node].instance ?? 0].needs
    }
  }

  func keys(_ node: Int) -> ReadKeys {
    switch declarations[nodes[node].declaration] {
    case .supervisor(let supervisor): supervisor.keys
    case .agent(let agent): agent.keys
    }
  }

  /// The name in the header of its section.
  func declaredName(_ node: Int) -> String {
    switch declarations[nodes[node].declaration] {
    case .supervisor(let supervisor): supervisor.name
    case .agent(let agent): agent.name
    }
  }

  /// The supervisors above a node, the nearest first.
  func ancestors(of node: Int) -> [Int] {
    var ancestors: [Int] = []
    var next = nodes[node].parent
    while let ancestor = next {
      ancestors.append(ancestor)
      next = nodes[ancestor].parent
    }
    return ancestors
  }

  /// The nodes that a reference means; nil after a complaint, or where one would follow from
  /// another.
  func resolve(_ name: String, at place: Place, _ reading: inout Reading) -> [Int]? {
    if let found = nodesByName[name] { return found }
    let base = String(name.prefix { $0 != ":" })
    guard !reading.hasUnreadableHeader, !reading.unreadableNames.contains(base) else { return nil }
    if base != name, let first = nodesByName[base]?.first,
      case .agent(let agent) = declarations[nodes[first].declaration]
    {
      guard !agent.keys.isUnreadable("numprocs") else { return nil }
      let last = agent.instances.count - 1
      reading.error(
        place, "\(base) has no instance \(quoted(name))",
        hint: last == 0
          ? "it has only one, called `\(base)`" : "it has `\(base):0` to `\(base):\(last)`")
      return nil
    }
    let hint = reading.hint(for: name, among: nodes.lazy.map(\.name))
    reading.error(
      place, "no agent or supervisor is called \(quoted(name))",
      hint: hint ?? "add a section for it, or take it out of the list")
    return nil
  }

  // MARK: Placing

  private mutating func placeChildren(of parent: Int, _ reading: inout Reading) {
    guard let supervisor = supervisor(parent) else { return }
    for reference in supervisor.settings.children {
      for child in resolve(reference.name, at: reference.place, &reading) ?? [] {
        guard let earlier = nodes[child].listedAt, let other = nodes[child].parent else {
          nodes[child].parent = parent
          nodes[child].listedAt = reference.place
          nodes[parent].children.append(child)
          continue
        }
        if other == parent {
          reading.error(
            reference.place, "\(quoted(reference.name)) is listed twice in these `children`",
            hint: "keep one")
        } else {
          reading.error(
            reference.place,
            "\(quoted(reference.name)) is a child of \(nodes[other].name) already, in "
              + reading.text(earlier), hint: "a child has one supervisor: take it out of one list")
        }
        // The other instances of the agent would say the same.
        break
      }
    }
  }

  /// Reports supervisors that are below themselves, and makes each a child of the root.
  private mutating func cutCircles(_ reading: inout Reading) {
    var isSafe = [Bool](repeating: false, count: nodes.count)
    for start in nodes.indices where nodes[start].instance == nil {
      var path: [Int] = []
      var next: Int? = start
      var onPath: Set<Int> = []
      while let node = next, !isSafe[node], onPath.insert(node).inserted {
        path.append(node)
        next = nodes[node].parent
      }
      for node in path { isSafe[node] = true }
      guard let last = next, onPath.contains(last), let first = path.firstIndex(of: last) else {
        continue
      }
      // From parent to child, beginning with the supervisor that comes first in the file.
      var circle = Array(path[first...].reversed())
      if let top = circle.indices.min(by: { circle[$0] < circle[$1] }) {
        circle = Array(circle[top...] + circle[..<top])
      }
      let names = (circle + circle.prefix(1)).map { nodes[$0].name }
      if let cut = circle.first, let parent = nodes[cut].parent, let place = nodes[cut].listedAt {
        reading.error(
          place, "a supervisor cannot be below itself: \(names.joined(separator: " → "))",
          hint: "take one of them out of the `children` of the one before it")
        nodes[parent].children.removeAll { $0 == cut }
        nodes[cut].parent = nil
      }
    }
  }

  private mutating func measureDepth(_ reading: inout Reading) {
    for node in nodes.indices {
      nodes[node].depth = ancestors(of: node).count
      if nodes[node].depth == maximumTreeDepth + 1, let place = nodes[node].listedAt {
        reading.error(
          place, "supervisors are nested deeper than \(maximumTreeDepth)", hint: "flatten the tree")
      }
    }
  }
}

/// How many supervisors may be above a child, the root not counted.
package let maximumTreeDepth = 64
