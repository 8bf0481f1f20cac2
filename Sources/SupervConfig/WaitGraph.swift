import SupervisionTree

/// Who waits for whom. Every node has two events, its start and its being up; needs of an agent
/// with many instances go through one event for all of them, so that the graph stays small.
struct WaitGraph {
  private enum Reason {
    case need(Place)
    /// A child starts after its supervisor has begun.
    case tree
    /// A supervisor is up when its children are.
    case children
    /// Under rest_for_one a child starts when the one before it is up.
    case order
    /// Being up comes after the start; all instances are up when each is.
    case itself
  }

  private struct Wait {
    var event: Int
    var reason: Reason
  }

  private let tree: DeclaredTree
  private var waits: [[Wait]]

  init(_ tree: DeclaredTree) {
    self.tree = tree
    let nodes = tree.nodes
    waits = Array(repeating: [], count: 2 * nodes.count + tree.declarations.count)
    for (index, node) in nodes.enumerated() {
      waits[up(index)].append(Wait(event: start(index), reason: .itself))
      waits[allUp(node.declaration)].append(Wait(event: up(index), reason: .itself))
      if let parent = node.parent {
        waits[start(index)].append(Wait(event: start(parent), reason: .tree))
      }
      let started = node.children.filter { tree.policy($0).autostart }
      for child in started { waits[up(index)].append(Wait(event: up(child), reason: .children)) }
      guard tree.supervisor(index)?.settings.strategy == .restForOne else { continue }
      for (earlier, later) in zip(started, started.dropFirst()) {
        waits[start(later)].append(Wait(event: up(earlier), reason: .order))
      }
    }
  }

  private func start(_ node: Int) -> Int { 2 * node }
  private func up(_ node: Int) -> Int { 2 * node + 1 }
  private func allUp(_ declaration: Int) -> Int { 2 * tree.nodes.count + declaration }

  mutating func add(_ node: Int, needs targets: [Int], at place: Place) {
    guard let first = targets.first else { return }
    let event = targets.count == 1 ? up(first) : allUp(tree.nodes[first].declaration)
    waits[start(node)].append(Wait(event: event, reason: .need(place)))
  }

  struct Circle: Hashable {
    var place: Place
    var text: String
  }

  /// One circle for every wait that closes one, each need reported once.
  func circles() -> [Circle] {
    enum Mark { case new, onPath, done }
    var marks = [Mark](repeating: .new, count: waits.count)
    var circles: [Circle] = []
    var reported: Set<Place> = []
    // Depth first, with the path as an explicit stack of events and the next wait to follow.
    for root in waits.indices where marks[root] == .new {
      var path: [(event: Int, next: Int)] = [(root, 0)]
      marks[root] = .onPath
      while let (event, next) = path.last {
        guard next < waits[event].count else {
          marks[event] = .done
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let target = waits[event][next].event
        switch marks[target] {
        case .done: break
        case .new:
          marks[target] = .onPath
          path.append((target, 0))
        case .onPath:
          guard let first = path.firstIndex(where: { $0.event == target }) else { break }
          let circle = describe(path[first...].map { (event: $0.event, next: $0.next - 1) })
          if let circle, reported.insert(circle.place).inserted { circles.append(circle) }
        }
      }
    }
    return circles
  }

  /// The circle in words, beginning with the need that comes first in the file.
  private func describe(_ steps: [(event: Int, next: Int)]) -> Circle? {
    func place(_ step: (event: Int, next: Int)) -> Place? {
      guard case .need(let place) = waits[step.event][step.next].reason else { return nil }
      return place
    }
    let needs = steps.indices.compactMap { index in place(steps[index]).map { (index, $0) } }
    guard let (first, firstPlace) = needs.min(by: { $0.1 < $1.1 }) else { return nil }
    var sentences: [String] = []
    for step in steps[first...] + steps[..<first] {
      let wait = waits[step.event][step.next]
      let (from, to) = (name(step.event), name(wait.event))
      switch wait.reason {
      case .need: sentences.append("\(from) needs \(to)")
      case .tree: sentences.append("\(from) starts with its supervisor \(to)")
      case .children: sentences.append("\(from) is up when its child \(to) is")
      case .order: sentences.append("\(from) comes after \(to) under rest_for_one")
      case .itself: break
      }
    }
    return Circle(place: firstPlace, text: sentences.joined(separator: ", "))
  }

  /// The declared name: all instances of an agent are in the same position.
  private func name(_ event: Int) -> String {
    let declaration =
      event < 2 * tree.nodes.count
      ? tree.nodes[event / 2].declaration : event - 2 * tree.nodes.count
    switch tree.declarations[declaration] {
    case .supervisor(let supervisor): return supervisor.name
    case .agent(let agent): return agent.name
    }
  }
}
