import SupervisionTree

// What the keys about health and calls say together.

extension Reading {
  /// One instance stands for all.
  mutating func checkHealth(of agent: DeclaredAgent) {
    guard let settings = agent.instances.first else { return }
    for role in ProbeRole.allCases { check(role, settings.probes[role], agent.keys) }
    checkReadiness(settings, agent.keys)
  }

  private mutating func check(_ role: ProbeRole, _ probe: DeclaredProbe, _ keys: ReadKeys) {
    let name = role.rawValue
    let numbers = [
      "initial_delay", "interval", "timeout", "success_threshold", "failure_threshold",
    ]
    switch probe.kind {
    case nil:
      guard !keys.isUnreadable(name) else { return }
      for key in numbers.map({ "\(name)_\($0)" }) {
        guard let place = keys.places[key] else { continue }
        warning(
          place, "\(quoted(key)) has no effect: there is no \(name) probe",
          hint: "add `\(name) = …`, or take it out")
      }
    case .watchdog:
      // Nobody is asked, so that nothing is counted either.
      for key in numbers.dropFirst().map({ "\(name)_\($0)" }) {
        guard let place = keys.places[key] else { continue }
        error(
          place, "\(quoted(key)) means nothing for a watchdog: the agent speaks, nobody asks it",
          hint: "take it out; the time in `watchdog:…` is how often it has to speak")
      }
    case .ping, .command, .http, .tcp, .unix: break
    }
  }

  private mutating func checkReadiness(_ settings: AgentSettings, _ keys: ReadKeys) {
    guard let key = settings.readinessKey, !keys.isUnreadable("ready") else { return }
    if settings.health.readySource == .startSeconds, let place = keys.places["ready"] {
      error(
        place, "`ready = startsecs` and \(quoted(key)) exclude each other",
        hint: "take one of them out")
    } else if let place = keys.places["startsecs"] {
      let isAutomatic = settings.health.readySource == .automatic && key != "notify_fd"
      warning(
        place, "`startsecs` has no effect: \(quoted(key)) says when it is ready",
        hint: isAutomatic ? "take it out, or add `ready = startsecs`" : "take it out")
    }
  }
}

extension DeclaredTree {
  /// Whom agents let call must exist, and be the same for all instances: a call is for the agent.
  func checkCallers(_ reading: inout Reading) {
    for case .agent(let agent) in declarations {
      guard let first = agent.instances.first?.callers else { continue }
      for caller in first.references { _ = resolve(caller.name, at: caller.place, &reading) }
      if let place = agent.keys.values["accept_calls_from"],
        agent.instances.contains(where: { $0.callers != first })
      {
        reading.error(
          place, "`accept_calls_from` holds for the whole agent, so it cannot differ by instance",
          hint: "leave `%(instance)d` and `%(name)s` out of it")
      }
    }
  }
}
