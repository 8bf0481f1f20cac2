// What `superv chaos` is to do to a tree: a file in the configuration's format, or the defaults.

/// One way in which something goes wrong.
package enum FaultKind: String, CaseIterable, Codable, Hashable, Sendable {
  case agentKill = "agent_kill"
  case agentTerm = "agent_term"
  case agentStop = "agent_stop"
  case manualStop = "manual_stop"
  case cpuHog = "cpu_hog"
  case memoryHog = "memory_hog"
  case flood
  case dropAnswers = "drop_answers"
  case delayAnswers = "delay_answers"
  case duplicateAnswers = "duplicate_answers"
  case daemonKill = "daemon_kill"
  case daemonTerm = "daemon_term"
  case keeperKill = "keeper_kill"
  case keeperTerm = "keeper_term"
  case bothKill = "both_kill"
  case diskFull = "disk_full"
  case noDescriptors = "no_descriptors"
  case clockStep = "clock_step"
  case reload

  /// Whom it hits.
  package enum Target: Hashable, Sendable {
    case agent, superv
  }

  package var target: Target {
    switch self {
    case .agentKill, .agentTerm, .agentStop, .manualStop, .cpuHog, .memoryHog, .flood,
      .dropAnswers, .delayAnswers, .duplicateAnswers:
      .agent
    case .daemonKill, .daemonTerm, .keeperKill, .keeperTerm, .bothKill, .diskFull,
      .noDescriptors, .clockStep, .reload:
      .superv
    }
  }

  /// Whether a restart of the agent follows that its supervisor's budget pays for.
  package var spendsBudget: Bool { self == .agentKill || self == .agentTerm }

  /// Whether it goes on for a time, rather than being over at once.
  package var lasts: Bool {
    switch self {
    case .agentStop, .manualStop, .cpuHog, .memoryHog, .dropAnswers, .delayAnswers,
      .duplicateAnswers, .diskFull, .noDescriptors, .clockStep:
      true
    case .agentKill, .agentTerm, .flood, .daemonKill, .daemonTerm, .keeperKill, .keeperTerm,
      .bothKill, .reload:
      false
    }
  }
}

/// How often, for how long and how much of one kind of fault.
package struct FaultPlan: Hashable, Sendable {
  /// Against the weights of the others; 0: never.
  package var weight: Int
  package var lasts: Duration
  /// Bytes of a ballast or a memory hog.
  package var bytes: Int64 = 0
  /// Of a flood, for each agent.
  package var lines = 0
  /// By which answers come later, or the clock is off, either way.
  package var span = Duration.zero
  /// Descriptors that superv may still open.
  package var spare = 0
  /// Agents, instances or supervisors for all agents below them; empty: those of `[chaos]`.
  package var agents: [String] = []

  init(weight: Int, lasts: Duration = .zero) {
    self.weight = weight
    self.lasts = lasts
  }
}

/// Calls that are made all the time, to see that each one ends.
package struct CallPlan: Hashable, Sendable {
  /// An agent or an instance of it.
  package var agent: String
  package var method = ""
  /// A JSON value on one line; empty: none.
  package var params = ""
  /// A second.
  package var rate = 5
  package var timeout = Duration.seconds(2)

  init(agent: String) { self.agent = agent }
}

/// Which ends of agents are nobody's fault but their own.
package enum OwnEnds: String, CaseIterable, Hashable, Sendable {
  /// An agent of this tree never ends by itself.
  case none
  /// With an exit code; a signal that nobody sent is not.
  case exits
  /// Signals too.
  case any
}

/// Everything that a plan says, with its defaults.
package struct ChaosPlan: Hashable, Sendable {
  package var duration = Duration.seconds(300)
  /// Faults a minute.
  package var rate = 30
  /// From the end of a fault until everything is as it was before.
  package var recoveryMaximum = Duration.seconds(30)
  /// As in `FaultPlan`; empty: all.
  package var agents: [String] = []
  /// Whether each stretch of time leaves some faults out and exaggerates one.
  package var isSwarm = true
  package var swarmPeriod = Duration.seconds(30)
  package var ownEnds = OwnEnds.exits
  /// Numbered lines a second that are printed in the name of each agent, to find them in its log.
  package var markRate = 2
  package var faults: [FaultKind: FaultPlan] = ChaosPlan.defaultFaults
  package var calls: [CallPlan] = []

  package init() {}

  package static let defaultFaults: [FaultKind: FaultPlan] = [
    .agentKill: FaultPlan(weight: 10),
    .agentTerm: FaultPlan(weight: 5),
    .agentStop: FaultPlan(weight: 5, lasts: .seconds(1)),
    .manualStop: FaultPlan(weight: 3, lasts: .seconds(1)),
    .cpuHog: FaultPlan(weight: 2, lasts: .seconds(2)),
    .memoryHog: with(FaultPlan(weight: 2, lasts: .seconds(2))) { $0.bytes = 64 << 20 },
    .flood: with(FaultPlan(weight: 4)) { $0.lines = 10_000 },
    .dropAnswers: FaultPlan(weight: 3, lasts: .seconds(1)),
    .delayAnswers: with(FaultPlan(weight: 3, lasts: .seconds(2))) {
      $0.span = .milliseconds(300)
    },
    .duplicateAnswers: FaultPlan(weight: 3, lasts: .seconds(2)),
    .daemonKill: FaultPlan(weight: 6),
    .daemonTerm: FaultPlan(weight: 0),
    .keeperKill: FaultPlan(weight: 4),
    .keeperTerm: FaultPlan(weight: 0),
    .bothKill: FaultPlan(weight: 0),
    .diskFull: with(FaultPlan(weight: 2, lasts: .seconds(2))) { $0.bytes = 64 << 20 },
    .noDescriptors: FaultPlan(weight: 2, lasts: .seconds(1)),
    .clockStep: with(FaultPlan(weight: 2, lasts: .seconds(2))) { $0.span = .seconds(3600) },
    .reload: FaultPlan(weight: 3),
  ]

  private static func with(
    _ plan: FaultPlan, _ change: (inout FaultPlan) -> Void
  ) -> FaultPlan {
    var plan = plan
    change(&plan)
    return plan
  }

  /// What holds for a kind; without `agents` those of `[chaos]` hold.
  package subscript(kind: FaultKind) -> FaultPlan {
    faults[kind] ?? FaultPlan(weight: 0)
  }
}
