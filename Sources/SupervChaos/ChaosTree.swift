package import SupervProtocol

/// Who is in the tree, and whom the end of one of them may take along.
package struct ChaosTree: Hashable, Sendable {
  package struct Agent: Hashable, Sendable {
    /// The instance.
    package var name: String
    package var agent: String
    package var supervisor: String
    /// Whether it may be hit.
    package var isAllowed: Bool
    /// Whether what it starts may outlive it.
    package var detaches: Bool

    package init(
      name: String, agent: String? = nil, supervisor: String = "root", isAllowed: Bool = true,
      detaches: Bool = false
    ) {
      self.name = name
      self.agent = agent ?? name
      self.supervisor = supervisor
      self.isAllowed = isAllowed
      self.detaches = detaches
    }
  }

  package struct Supervisor: Hashable, Sendable {
    package var name: String
    package var parent: String
    /// As the configuration writes it.
    package var strategy: String
    package var budget: Budget
    package var children: [String]

    package init(
      name: String, parent: String = "root", strategy: String, budget: Budget, children: [String]
    ) {
      self.name = name
      self.parent = parent
      self.strategy = strategy
      self.budget = budget
      self.children = children
    }
  }

  /// So many restarts in a period.
  package struct Budget: Hashable, Sendable {
    package var intensity: Int
    package var periodSeconds: Double

    package init(intensity: Int, periodSeconds: Double) {
      self.intensity = intensity
      self.periodSeconds = periodSeconds
    }
  }

  /// Of the keeper, which waits longer and longer where daemons die more often.
  package static let keeperBudget = Budget(intensity: 5, periodSeconds: 60)

  /// In the order of the tree.
  package var agents: [Agent]
  package var supervisors: [Supervisor]
  /// That each child of the root has.
  package var rootBudget: Budget

  package init(agents: [Agent], supervisors: [Supervisor] = [], rootBudget: Budget) {
    self.agents = agents
    self.supervisors = supervisors
    self.rootBudget = rootBudget
  }

  package init(_ status: StatusReport, _ facts: ChaosFacts) {
    let known = Dictionary(facts.agents.map { ($0.name, $0) }) { first, _ in first }
    agents = status.agents.map { agent in
      Agent(
        name: agent.name, agent: agent.agent, supervisor: agent.supervisor,
        isAllowed: known[agent.name]?.allowed ?? false,
        detaches: known[agent.name]?.detaches ?? false)
    }
    supervisors = status.supervisors.map {
      Supervisor(
        name: $0.name, parent: $0.parent, strategy: $0.strategy,
        budget: Budget(intensity: $0.intensity, periodSeconds: $0.periodSeconds),
        children: $0.children)
    }
    rootBudget = Budget(intensity: facts.intensity, periodSeconds: facts.periodSeconds)
  }

  package subscript(agent name: String) -> Agent? { agents.first { $0.name == name } }
  package subscript(supervisor name: String) -> Supervisor? {
    supervisors.first { $0.name == name }
  }

  /// Every name that a plan may use.
  package var names: [String] {
    agents.flatMap { $0.name == $0.agent ? [$0.name] : [$0.agent, $0.name] }
      + supervisors.map(\.name)
  }

  /// Whose budget pays for the restart of a child, and how large it is: that of its supervisor, and
  /// below the root its own.
  package func payer(of child: String, under parent: String) -> (name: String, budget: Budget) {
    self[supervisor: parent].map { ($0.name, $0.budget) } ?? (child, rootBudget)
  }

  /// The instances that names stand for, in the order of the tree; all for no names.
  package func instances(of names: [String]) -> [String] {
    guard !names.isEmpty else { return agents.map(\.name) }
    let wanted = Set(names)
    return agents.filter { agent in
      wanted.contains(agent.name) || wanted.contains(agent.agent)
        || ancestors(of: agent).contains { wanted.contains($0) }
    }.map(\.name)
  }

  /// The supervisors above an agent, the nearest first, without the root.
  private func ancestors(of agent: Agent) -> [String] {
    var found: [String] = []
    var name = agent.supervisor
    while let supervisor = self[supervisor: name], found.count <= supervisors.count {
      found.append(name)
      name = supervisor.parent
    }
    return found
  }

  /// All instances below a supervisor, or the one that has this name.
  package func below(_ name: String) -> Set<String> {
    if self[supervisor: name] == nil { return Set(instances(of: [name])) }
    return Set(agents.filter { ancestors(of: $0).contains(name) }.map(\.name))
  }

  /// The instances that may be stopped because a child has ended: it alone under `one_for_one`, and
  /// nobody's siblings below the root.
  package func group(of child: String, under parent: String) -> Set<String> {
    guard let supervisor = self[supervisor: parent] else { return below(child) }
    let children = supervisor.children.flatMap { name in
      self[supervisor: name] == nil ? instances(of: [name]) : [name]
    }
    switch supervisor.strategy {
    case "one_for_all": return Set(children.flatMap { below($0) })
    case "rest_for_one":
      let first = children.firstIndex(of: child) ?? 0
      return Set(children[first...].flatMap { below($0) })
    default: return below(child)
    }
  }

  /// The siblings of an agent that its end must leave alone; none where its supervisor has another
  /// strategy.
  package func untouchables(besides agent: String) -> [String] {
    guard let own = self[agent: agent] else { return [] }
    let strategy = self[supervisor: own.supervisor]?.strategy ?? "one_for_one"
    guard strategy == "one_for_one" else { return [] }
    return agents.filter { $0.supervisor == own.supervisor && $0.name != agent }.map(\.name)
  }
}
