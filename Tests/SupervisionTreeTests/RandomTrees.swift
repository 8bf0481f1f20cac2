import SupervisionTree

/// Makes trees and what happens to them, the same for the same seed.
struct Dice {
  private var jitter: Jitter

  init(seed: UInt64) { jitter = Jitter(seed: seed) }

  mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &jitter) }

  /// True once in so many times.
  mutating func once(in times: Int) -> Bool { roll(times) == 0 }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[roll(elements.count)]
  }

  mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    elements.shuffled(using: &jitter)
  }
}

/// A random tree of at most `agentLimit` agents and four levels of supervisors.
struct TreeMaker {
  var dice: Dice
  private var names: [String] = []
  private var supervisorCount = 0

  init(seed: UInt64) { dice = Dice(seed: seed) }

  mutating func make(agentLimit: Int = 12) -> TreeSpecification {
    names = (0..<1 + dice.roll(agentLimit)).map { "a\($0)" }
    supervisorCount = 0
    var tree = TreeSpecification()
    tree.intensity = intensity()
    tree.backoff = backoff()
    tree.stopsSiblingsSideBySide = !dice.once(in: 4)
    while !names.isEmpty { tree.children.append(child(depth: 0)) }
    addNeeds(&tree)
    return tree
  }

  /// The same tree with one to three differences.
  mutating func vary(_ tree: TreeSpecification) -> TreeSpecification {
    var tree = tree
    for _ in 0...dice.roll(3) { change(&tree) }
    return tree.withoutBrokenNeeds
  }

  private mutating func child(depth: Int) -> ChildSpecification {
    if depth < 4, dice.once(in: 3), supervisorCount < 6 {
      let name = "s\(supervisorCount)"
      supervisorCount += 1
      var supervisor = SupervisorSpecification(name: name)
      supervisor.policy = policy(isTop: depth == 0)
      supervisor.strategy = dice.pick(Strategy.allCases)
      supervisor.intensity = intensity()
      supervisor.backoff = backoff()
      supervisor.autoShutdown =
        dice.once(in: 4) ? dice.pick([.anySignificant, .allSignificant]) : .never
      for _ in 0...dice.roll(4) where !names.isEmpty {
        supervisor.children.append(child(depth: depth + 1))
      }
      return .supervisor(supervisor)
    }
    return .agent(agent(names.isEmpty ? "extra\(supervisorCount)" : names.removeLast(), depth))
  }

  mutating func agent(_ name: String, _ depth: Int) -> AgentSpecification {
    var agent = AgentSpecification(name: name)
    agent.policy = policy(isTop: depth == 0)
    agent.readyAfter = dice.pick([.zero, .seconds(1)])
    if dice.once(in: 8) { agent.startRetries = StartRetries(limit: dice.roll(4)) }
    if dice.once(in: 8) { agent.policy.priority = dice.roll(3) }
    switch dice.roll(3) {
    case 0: agent.stopLadder = [StopRung(.kill, grace: nil)]
    case 1:
      agent.stopLadder = [
        StopRung(.signal(2), grace: .seconds(2)), StopRung(.signal(15), grace: .seconds(3)),
        StopRung(.kill, grace: nil),
      ]
    default: break
    }
    return agent
  }

  private mutating func policy(isTop: Bool) -> ChildPolicy {
    var policy = ChildPolicy()
    policy.restart = dice.pick([.permanent, .permanent, .transient, .temporary])
    policy.autostart = !dice.once(in: 10)
    policy.critical = isTop && dice.once(in: 15)
    policy.significant = policy.restart != .permanent && dice.once(in: 3)
    return policy
  }

  private mutating func intensity() -> RestartIntensity {
    RestartIntensity(limit: dice.roll(4), period: dice.pick([.seconds(5), .seconds(60)]))
  }

  private mutating func backoff() -> BackoffPolicy {
    dice.once(in: 2) ? .off : BackoffPolicy(base: .seconds(1), cap: .seconds(4))
  }

  /// Only on what comes before it, so that there is no cycle.
  private mutating func addNeeds(_ tree: inout TreeSpecification) {
    let all = tree.everyChild.map(\.name).filter { $0.hasPrefix("a") }
    for name in all.dropFirst() where dice.once(in: 4) {
      let before = all.prefix { $0 != name }
      guard !before.isEmpty else { continue }
      let need = Need(dice.pick(Array(before)), dice.pick(Need.Condition.allCases))
      tree.edit(name) { $0.needs = [need] }
    }
    tree = tree.withoutBrokenNeeds
  }

  private mutating func change(_ tree: inout TreeSpecification) {
    let all = tree.everyChild
    let supervisors = all.filter { $0.name.hasPrefix("s") }.map(\.name) + ["root"]
    let fresh = "b\(dice.roll(3))"
    switch dice.roll(9) {
    case 0: if let one = any(all) { tree.remove(one.name) }
    case 1:
      guard !all.contains(where: { $0.name == fresh }) else { return }
      tree.insert(.agent(agent(fresh, 1)), under: dice.pick(supervisors), at: dice.roll(3))
    case 2: if let one = any(all) { tree.edit(one.name) { $0.restart = .transient } }
    case 3:
      let fingerprint = UInt64(dice.roll(1000))
      if let one = any(all) { tree.replaceAgent(one.name) { $0.fingerprint = fingerprint } }
    case 4:
      guard let one = any(all) else { return }
      let inside = Set(TreeSpecification([one]).everyChild.map(\.name))
      let place = dice.pick(supervisors.filter { !inside.contains($0) })
      tree.remove(one.name)
      tree.insert(one, under: place, at: dice.roll(3))
    case 5:
      let strategy = dice.pick(Strategy.allCases)
      tree.replaceSupervisor(dice.pick(supervisors)) { $0.strategy = strategy }
    case 6:
      var copy = dice
      tree.replaceSupervisor(dice.pick(supervisors)) { $0.children = copy.shuffled($0.children) }
      dice = copy
    case 7: turnOver(&tree, any(all))
    default: if let one = any(all) { tree.edit(one.name) { $0.autostart.toggle() } }
    }
  }

  /// An agent becomes a supervisor of the same name, a supervisor an agent.
  private mutating func turnOver(_ tree: inout TreeSpecification, _ child: ChildSpecification?) {
    guard let child else { return }
    switch child {
    case .agent(let old):
      let inner = "x\(old.name)"
      guard !tree.everyChild.contains(where: { $0.name == inner }) else { return }
      var new = SupervisorSpecification(name: old.name)
      new.children = [.agent(agent(inner, 1))]
      tree.replace(old.name, by: .supervisor(new))
    case .supervisor(let old): tree.replace(old.name, by: .agent(agent(old.name, 1)))
    }
  }

  private mutating func any(_ all: [ChildSpecification]) -> ChildSpecification? {
    all.isEmpty ? nil : dice.pick(all)
  }
}

// MARK: - Editing a specification

extension TreeSpecification {
  init(_ children: [ChildSpecification]) {
    self.init()
    self.children = children
  }

  mutating func edit(_ name: String, _ change: (inout ChildPolicy) -> Void) {
    replaceAgent(name) { change(&$0.policy) }
    replaceSupervisor(name) { change(&$0.policy) }
  }

  mutating func replaceAgent(_ name: String, _ change: (inout AgentSpecification) -> Void) {
    children = children.map { child in
      child.rewritten { one in
        guard case .agent(var agent) = one, agent.name == name else { return [one] }
        change(&agent)
        return [.agent(agent)]
      }[0]
    }
  }

  mutating func replaceSupervisor(
    _ name: String, _ change: (inout SupervisorSpecification) -> Void
  ) {
    children = children.map { child in
      child.rewritten { one in
        guard case .supervisor(var supervisor) = one, supervisor.name == name else { return [one] }
        change(&supervisor)
        return [.supervisor(supervisor)]
      }[0]
    }
  }

  mutating func replace(_ name: String, by new: ChildSpecification) {
    children = children.flatMap { $0.rewritten { $0.name == name ? [new] : [$0] } }
  }

  mutating func remove(_ name: String) {
    children = children.flatMap { $0.rewritten { $0.name == name ? [] : [$0] } }
  }

  mutating func insert(_ new: ChildSpecification, under name: String, at place: Int) {
    guard name != "root" else {
      return children.insert(new, at: min(place, children.count))
    }
    replaceSupervisor(name) { $0.children.insert(new, at: min(place, $0.children.count)) }
  }

  /// Needs that name something gone, something above, or something behind are errors of a
  /// configuration, and never get as far as the tree.
  var withoutBrokenNeeds: TreeSpecification {
    var tree = self
    let order = TreeSpecification.agentNames(children)
    for (place, name) in order.enumerated() {
      tree.edit(name) { $0.needs.removeAll { !order[..<place].contains($0.name) } }
    }
    for child in everyChild where child.name.hasPrefix("s") {
      tree.edit(child.name) { $0.needs = [] }
    }
    return tree
  }

  /// In start order.
  static func agentNames(_ children: [ChildSpecification]) -> [String] {
    children.flatMap { child -> [String] in
      switch child {
      case .agent(let agent): [agent.name]
      case .supervisor(let supervisor): agentNames(supervisor.children)
      }
    }
  }
}

extension ChildSpecification {
  /// The child and everything below it, each one replaced.
  func rewritten(_ change: (ChildSpecification) -> [ChildSpecification]) -> [ChildSpecification] {
    change(self).map { new in
      guard case .supervisor(var supervisor) = new else { return new }
      supervisor.children = supervisor.children.flatMap { $0.rewritten(change) }
      return .supervisor(supervisor)
    }
  }
}
