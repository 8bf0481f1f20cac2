import SupervisionTree

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
          strategy: random.pick(Strategy.allCases),
          intensity: Int.random(in: 0...4, using: &random),
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

extension Jitter {
  mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  /// - Precondition: there is one to pick.
  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int.random(in: 0..<choices.count, using: &self)]
  }
}
