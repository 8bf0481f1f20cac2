import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

// Short ways to say what an agent is asked and what it says.

extension ProbeSettings {
  /// Every 10 s, with 5 s to answer, three times: the defaults.
  static func every(_ interval: Duration, _ kind: ProbeKind, failures: Int = 3) -> Self {
    var settings = ProbeSettings(kind)
    settings.interval = interval
    settings.failureThreshold = failures
    return settings
  }
}

extension World {
  /// One agent `a` with this health; by the rule of docs/health.md the tree watches the time only
  /// where nothing else has a say.
  static func watched(
    _ text: String = "[agent:a]\ncommand = a", prepare: (FakeKernel) -> Void = { _ in },
    location: SourceLocation = #_sourceLocation,
    _ change: @escaping @Sendable (inout HealthSettings) -> Void
  ) throws -> World {
    try World(
      text, prepare: prepare,
      change: { definition in
        change(&definition.health)
        let health = definition.health
        if health.startup != nil || health.readiness != nil || health.readySource == .declared
          || health.notifyDescriptor != nil
        {
          definition.specification.readyAfter = nil
        }
      }, location: location)
  }

  /// Goes from alarm to alarm until something holds.
  ///
  /// - Returns: how long that took; nil when it does not come about in an hour.
  func time(until condition: () throws -> Bool) rethrows -> Duration? {
    let began = kernel.now
    settle()
    while try !condition() {
      guard let alarm = kernel.alarm, alarm - began <= .seconds(3600) else { return nil }
      kernel.now = max(kernel.now, alarm)
      kernel.arrivals.append(.alarm)
      settle()
    }
    return kernel.now - began
  }

  /// The signals that agents were sent because of their health or otherwise.
  var stopCount: Int { stops(from: 0).count }

  func notify(_ text: String, from name: String = "a", location: SourceLocation = #_sourceLocation)
  {
    guard let process = kernel.process(of: name) else {
      Issue.record("\(name) does not run", sourceLocation: location)
      return
    }
    kernel.arrivals.append(
      .notified(process.key, sender: process.value.pid, Array(text.utf8)))
    settle()
  }

  func probe(
    _ role: ProbeStatus.Role, of name: String = "a", location: SourceLocation = #_sourceLocation
  ) throws -> ProbeStatus {
    try #require(
      agent(name).probes.first { $0.role == role }, "a probe", sourceLocation: location)
  }

  /// Reasons of the events of one kind.
  func reasons(of kind: String) throws -> [String] {
    try events().filter { $0.event == kind }.compactMap(\.reason)
  }
}

extension AgentClient {
  /// The ids of the pings since the last time.
  func takePings() -> [String] { take().filter { $0.method == "ping" }.compactMap(\.id) }

  func pong(_ id: String) { send(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"# + "\n") }
}

extension TreeSpecification {
  /// What tests change of a definition holds for the tree, too.
  mutating func adoptReadiness(of agents: [AgentDefinition]) {
    let pairs = agents.map { ($0.specification.name, $0.specification.readyAfter) }
    let readyAfter = Dictionary(pairs) { _, last in last }
    children = children.map { $0.with(readyAfter) }
  }
}

extension ChildSpecification {
  fileprivate func with(_ readyAfter: [String: Duration?]) -> ChildSpecification {
    switch self {
    case .agent(var agent):
      if let span = readyAfter[agent.name] { agent.readyAfter = span }
      return .agent(agent)
    case .supervisor(var supervisor):
      supervisor.children = supervisor.children.map { $0.with(readyAfter) }
      return .supervisor(supervisor)
    }
  }
}
