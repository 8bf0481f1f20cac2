import SupervConfig
import SupervDaemon
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
    var parent: String?
    var restart: RestartType
    var instances = 1
    var startMilliseconds: Int
    var stopMilliseconds: Int
    /// 0: it is not told to stop over its connection.
    var drainMilliseconds: Int
    var needs: [Need] = []
    var startsByItself = true
    var isCritical = false
    var isSignificant = false
    /// It connects and says hello.
    var speaks: Bool
    /// What asks for its liveness: `ping`, or a port.
    var liveness: String?
  }

  /// What decides: those of the root, for each of its children, and of every supervisor.
  static let periodSeconds = 10
  static let backoffCapSeconds = 2
  static let livenessSeconds = 2

  var intensity: Int
  var backoffMilliseconds: Int
  var shutdownSeconds: Int
  var stopsOneByOne: Bool
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

// MARK: - Made up

extension TreePlan {
  init(_ random: inout Jitter) {
    intensity = Int.random(in: 0...4, using: &random)
    backoffMilliseconds = random.pick([0, 100])
    shutdownSeconds = random.pick([1, 5, 60])
    stopsOneByOne = random.chance(0.3)
    for name in ["s", "t", "u"] where random.chance(0.7) {
      let above = supervisors.randomElement(using: &random)?.name
      supervisors.append(
        Supervisor(
          name: name, parent: random.chance(0.5) ? nil : above,
          strategy: random.pick(Strategy.allCases), intensity: Int.random(in: 0...4, using: &random),
          restart: random.pick([.permanent, .permanent, .transient, .temporary]),
          autoShutdown: random.pick([.never, .never, .never, .anySignificant, .allSignificant])))
    }
    for name in ["a", "b", "c", "d", "e", "f"] where random.chance(0.85) {
      agents.append(Self.agent(name, among: self, &random))
    }
    if agents.isEmpty { agents.append(Self.agent("a", among: self, &random)) }
    let whole = self
    supervisors.removeAll { whole.children(of: $0.name).isEmpty }
  }

  private static func agent(
    _ name: String, among plan: TreePlan, _ random: inout Jitter
  ) -> Agent {
    let parent = random.chance(0.3) ? nil : plan.supervisors.randomElement(using: &random)?.name
    let speaks = random.chance(0.5)
    var agent = Agent(
      name: name, parent: parent,
      restart: random.pick([.permanent, .permanent, .permanent, .transient, .temporary]),
      startMilliseconds: random.pick([0, 500, 1000, 3000]),
      stopMilliseconds: random.pick([0, 500, 2000, 10_000]),
      drainMilliseconds: random.pick([0, 1000]), speaks: speaks)
    if name == "a" { agent.instances = random.pick([1, 2]) }
    agent.startsByItself = !random.chance(0.1)
    agent.isCritical = parent == nil && random.chance(0.05)
    agent.isSignificant = random.chance(0.2)
    if random.chance(0.25), let other = plan.agents.randomElement(using: &random) {
      agent.needs = [Need(other.name, random.pick([.ready, .started, .done]))]
    }
    if random.chance(0.3) { agent.liveness = speaks ? "ping" : "tcp:127.0.0.1:9" }
    return agent
  }
}

/// What a daemon can read of a plan. Loading is most of the cost of a history, so that all share a
/// fixed set.
struct LoadedPlan: Sendable {
  static let path = "/etc/superv/main.conf"
  static let count = 120

  let plan: TreePlan
  let read: ReadConfiguration

  static let all: [LoadedPlan] = {
    var random = Jitter(seed: 1)
    var found: [LoadedPlan] = []
    while found.count < count {
      if let one = LoadedPlan(TreePlan(&random)) { found.append(one) }
    }
    return found
  }()

  /// nil: its configuration has errors.
  init?(_ plan: TreePlan) {
    self.plan = plan
    read = ReadConfiguration(Self.path, from: PlanSource(text: plan.text))
    if read.loaded.configuration == nil { return nil }
  }

  /// One that cannot be loaded.
  static let broken = ReadConfiguration(path, from: PlanSource(text: "[agent:broken"))
}

private struct PlanSource: ConfigurationSource {
  let text: String

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    guard path == LoadedPlan.path else { throw SourceError("No such file or directory") }
    return Array(text.utf8)
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    throw SourceError("No such file or directory")
  }

  func kindOfFile(_ path: String) -> FileKind? {
    switch path {
    case LoadedPlan.path, "/dev/null": .file
    case "/", "/etc", "/etc/superv": .folder
    default: nil
    }
  }

  func environmentVariable(_ name: String) -> String? { nil }
  func userExists(_ name: String) -> Bool { name == "root" }
  var binaryFolder: String { "/opt/superv/bin" }
}

extension Jitter {
  mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  /// - Precondition: there is one to pick.
  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int.random(in: 0..<choices.count, using: &self)]
  }
}
