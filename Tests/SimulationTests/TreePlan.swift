import SupervisionTree

/// The tree that a history is about, as its auditor knows it. The daemon gets it as text.
struct TreePlan: Hashable, Sendable {
  struct Supervisor: Hashable, Sendable {
    var name: String
    var parent: String?
    var strategy: Strategy
    var intensity: Int
    var restart: RestartType
    var autoShutdown: AutoShutdown
  }

  struct Agent: Hashable, Sendable {
    var name: String
    var parent: String? = nil
    var restart = RestartType.permanent
    var instances = 1
    var startMilliseconds = 1000
    var stopMilliseconds = 2000
    /// 0: it is not told to stop over its connection.
    var drainMilliseconds = 0
    var needs: [Need] = []
    var startsByItself = true
    var isCritical = false
    var isSignificant = false
    /// It connects and says hello.
    var speaks = false
    /// What asks for its liveness: `ping`, or a port.
    var liveness: String?
  }

  /// What decides: those of the root, for each of its children, and of every supervisor.
  static let periodSeconds = 10
  static let backoffCapSeconds = 2
  static let livenessSeconds = 2

  var intensity = 4
  var backoffMilliseconds = 100
  var shutdownSeconds = 60
  var stopsOneByOne = false
  var supervisors: [Supervisor] = []
  var agents: [Agent] = []
  /// The order of children is the other way round under `rest_for_one`: a bug to be found.
  var isOrderSwapped = false

  // MARK: Who is where

  func instances(of agent: Agent) -> [String] {
    agent.instances == 1 ? [agent.name] : (0..<agent.instances).map { "\(agent.name):\($0)" }
  }

  /// The instances of all agents.
  var allInstances: [String] { agents.flatMap(instances) }

  func agent(of instance: String) -> Agent? {
    let name = instance.prefix { $0 != ":" }
    return agents.first { $0.name == name }
  }

  func supervisor(_ name: String) -> Supervisor? { supervisors.first { $0.name == name } }

  /// From the nearest up to the child of the root.
  func ancestors(of name: String) -> [Supervisor] {
    var found: [Supervisor] = []
    var next = agent(of: name)?.parent ?? supervisor(name)?.parent
    while let parent = next.flatMap(supervisor) {
      found.append(parent)
      next = parent.parent
    }
    return found
  }

  /// In start order.
  func children(of supervisor: String) -> [String] {
    let inner = supervisors.filter { $0.parent == supervisor }.map(\.name)
    return inner + agents.filter { $0.parent == supervisor }.flatMap(instances)
  }

  /// Every instance at or below a name; the name of an agent means all its instances.
  func instances(below name: String) -> [String] {
    if supervisor(name) != nil { return children(of: name).flatMap(instances(below:)) }
    guard let agent = agent(of: name) else { return [] }
    return agent.name == name ? instances(of: agent) : [name]
  }

  /// What a request can name, and one that nothing has.
  var names: [String] {
    agents.map(\.name) + allInstances.filter { $0.contains(":") } + supervisors.map(\.name)
      + ["nobody"]
  }

  // MARK: As text

  var text: String {
    var lines = [
      "[superv]", "intensity = \(intensity)", "period = \(Self.periodSeconds)s",
      "backoff_base = \(backoffMilliseconds)ms", "backoff_cap = \(Self.backoffCapSeconds)s",
      "shutdown_timeout = \(shutdownSeconds)s",
      "stop_siblings = \(stopsOneByOne ? "one_by_one" : "side_by_side")",
    ]
    for supervisor in supervisors { lines += self.lines(of: supervisor) }
    for agent in agents { lines += self.lines(of: agent) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func lines(of supervisor: Supervisor) -> [String] {
    var children = supervisors.filter { $0.parent == supervisor.name }.map(\.name)
    children += agents.filter { $0.parent == supervisor.name }.map(\.name)
    if isOrderSwapped, supervisor.strategy == .restForOne { children.reverse() }
    return [
      "[supervisor:\(supervisor.name)]", "strategy = \(supervisor.strategy.rawValue)",
      "intensity = \(supervisor.intensity)", "period = \(Self.periodSeconds)s",
      "backoff_base = \(backoffMilliseconds)ms", "backoff_cap = \(Self.backoffCapSeconds)s",
      "restart = \(supervisor.restart.rawValue)",
      "auto_shutdown = \(supervisor.autoShutdown.rawValue)",
      "children = \(children.joined(separator: ", "))",
    ]
  }

  private func lines(of agent: Agent) -> [String] {
    var lines = [
      "[agent:\(agent.name)]", "command = \(agent.name)", "restart = \(agent.restart.rawValue)",
      "startsecs = \(agent.startMilliseconds)ms", "stopwaitsecs = \(agent.stopMilliseconds)ms",
      "drain = \(agent.drainMilliseconds)ms", "accept_calls_from = *",
    ]
    if agent.instances > 1 { lines.append("numprocs = \(agent.instances)") }
    if !agent.startsByItself { lines.append("autostart = no") }
    if agent.isCritical { lines.append("critical = yes") }
    if agent.isSignificant { lines.append("significant = yes") }
    if !agent.needs.isEmpty {
      let needs = agent.needs.map { "\($0.name):\($0.condition.rawValue)" }
      lines.append("needs = " + needs.joined(separator: ", "))
    }
    if let liveness = agent.liveness {
      lines += [
        "liveness = \(liveness)", "liveness_interval = \(Self.livenessSeconds)s",
        "liveness_timeout = 1s", "liveness_failure_threshold = 2",
      ]
    }
    return lines
  }
}

// MARK: - For people

extension TreePlan: CustomStringConvertible {
  var description: String {
    var lines = [
      "root: one_for_one, \(intensity) in \(Self.periodSeconds) s, backoff from "
        + "\(backoffMilliseconds) ms, \(shutdownSeconds) s to shut down"
        + (stopsOneByOne ? ", one by one" : "")
    ]
    for one in supervisors {
      let end = one.autoShutdown == .never ? "" : ", auto_shutdown \(one.autoShutdown.rawValue)"
      lines.append(
        "\(one.name): \(one.strategy.rawValue), \(one.intensity) in \(Self.periodSeconds) s, "
          + "\(one.restart.rawValue)\(end), has \(children(of: one.name).joined(separator: " "))")
    }
    for agent in agents {
      lines.append("\(agent.name): " + words(of: agent).joined(separator: ", "))
    }
    return lines.map { "    \($0)\n" }.joined()
  }

  private func words(of agent: Agent) -> [String] {
    var words = ["\(agent.restart.rawValue)", "ready after \(agent.startMilliseconds) ms"]
    words.append("stops in \(agent.drainMilliseconds) + \(agent.stopMilliseconds) ms")
    if agent.instances > 1 { words.append("\(agent.instances) instances") }
    if agent.speaks { words.append("speaks") }
    if !agent.startsByItself { words.append("autostart off") }
    if agent.isCritical { words.append("critical") }
    if agent.isSignificant { words.append("significant") }
    if let liveness = agent.liveness { words.append("liveness by \(liveness)") }
    return words + agent.needs.map { "needs \($0.name):\($0.condition.rawValue)" }
  }
}
