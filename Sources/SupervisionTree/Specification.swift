// What the tree is told: the specification of every child and of the supervisors above it. These
// are the words of OTP's supervisor chapter; what a process needs to run (command, environment,
// limits) is not here, because no decision depends on it.

/// Which siblings a death takes along (OTP "Supervisor Behaviour", restart strategy).
package enum Strategy: String, CaseIterable, Codable, Hashable, Sendable {
  case oneForOne = "one_for_one"
  case oneForAll = "one_for_all"
  case restForOne = "rest_for_one"
}

/// When a child that ended by itself is started again (OTP "Supervisor Behaviour", restart).
package enum RestartType: String, CaseIterable, Codable, Hashable, Sendable {
  /// Always.
  case permanent
  /// Only after an abnormal exit.
  case transient
  /// Never; a group restart drops it.
  case temporary
}

/// At most `limit` restarts within any `period`; the next one makes the supervisor give up.
package struct RestartIntensity: Codable, Hashable, Sendable {
  package var limit: Int
  package var period: Duration

  package init(limit: Int = 5, period: Duration = .seconds(60)) {
    self.limit = limit
    self.period = period
  }
}

/// How long restarts wait. The first one in a window is immediate; the k-th waits a random time in
/// `[0, min(cap, base · 2^(k-1))]`. A `base` of zero turns waiting off.
package struct BackoffPolicy: Codable, Hashable, Sendable {
  package var base: Duration
  package var cap: Duration

  package init(base: Duration = .milliseconds(100), cap: Duration = .seconds(30)) {
    self.base = base
    self.cap = cap
  }

  package static let off = BackoffPolicy(base: .zero, cap: .zero)
}

/// One rung of the ladder by which an agent is stopped, and how long it gets to be gone.
package struct StopRung: Codable, Hashable, Sendable {
  package enum Action: Codable, Hashable, Sendable {
    /// Tell the agent over its connection; passed over when it has none.
    case message
    /// Send this signal to the agent's process group.
    case signal(Int32)
    /// Kill the agent's whole process tree with SIGKILL.
    case kill
  }

  package var action: Action
  /// How long to wait for the agent to be gone before the next rung; nil on the last one.
  package var grace: Duration?

  package init(_ action: Action, grace: Duration?) {
    self.action = action
    self.grace = grace
  }
}

/// Exit codes as a set over 0...255.
package struct ExitCodes: Codable, Hashable, Sendable, ExpressibleByArrayLiteral {
  private var words: SIMD4<UInt64> = .zero

  package init(arrayLiteral codes: Int32...) { self.init(codes) }

  /// - Precondition: every code is in 0...255.
  package init(_ codes: some Sequence<Int32>) {
    for code in codes {
      precondition((0...255).contains(code), "exit code \(code) is not in 0...255")
      words[Int(code) / 64] |= 1 << UInt64(code % 64)
    }
  }

  package func contains(_ code: Int32) -> Bool {
    (0...255).contains(code) && words[Int(code) / 64] & (1 << UInt64(code % 64)) != 0
  }

  /// The codes in ascending order.
  package var codes: [Int32] { (0...255).filter { contains($0) } }
}

/// Something that must hold before a child starts.
package struct Need: Codable, Hashable, Sendable {
  package enum Condition: String, CaseIterable, Codable, Hashable, Sendable {
    /// Its process runs (a supervisor: all its children have been started).
    case started
    /// It says that it can serve (a supervisor: all its children are ready).
    case ready
    /// It has ended normally.
    case done
  }

  /// The name of an agent, an instance (`NAME:0`) or a supervisor. The name of an agent with
  /// several instances means all of them.
  package var name: String
  package var condition: Condition

  package init(_ name: String, _ condition: Condition = .ready) {
    self.name = name
    self.condition = condition
  }
}

/// What every child has, agent instance or supervisor.
package struct ChildPolicy: Codable, Hashable, Sendable {
  package var restart: RestartType = .permanent
  /// Whether its supervisor starts it; otherwise it waits for an operator's `up`.
  package var autostart = true
  /// On a child of the root: its failure stops the whole tree, and superv exits non-zero.
  package var critical = false
  /// Whether its normal end counts for its supervisor's `autoShutdown` (OTP 24).
  package var significant = false
  package var needs: [Need] = []
  /// Siblings with a higher one are gone before those with a lower one are told to stop
  /// (supervisord); nil is below all others.
  package var priority: Int?

  package init() {}
}

/// One agent instance.
package struct AgentSpecification: Codable, Hashable, Sendable {
  /// The name of the instance, unique in the tree: `NAME`, or `NAME:0` where there are several.
  package var name: String
  package var policy = ChildPolicy()
  /// Exit codes that count as a normal end.
  package var normalExitCodes: ExitCodes = [0]
  /// How long the process must stay up to count as ready; nil: until it is said to be ready.
  package var readyAfter: Duration? = .seconds(1)
  /// nil: an end is an end, however soon it comes.
  package var startRetries: StartRetries?
  /// From the gentlest to the last; the last one is `.kill`.
  package var stopLadder: [StopRung] = [
    StopRung(.signal(15), grace: .seconds(10)), StopRung(.kill, grace: nil),
  ]
  /// Stands for everything that only a new process can take over (command, environment, …): a
  /// reload restarts an agent whose fingerprint changed and updates the policy of the others.
  package var fingerprint: UInt64 = 0

  package init(name: String) { self.name = name }
}

/// When a supervisor ends by itself because its significant children have ended (OTP 24).
package enum AutoShutdown: String, CaseIterable, Codable, Hashable, Sendable {
  case never
  case anySignificant = "any_significant"
  case allSignificant = "all_significant"
}

/// One inner node of the tree.
package struct SupervisorSpecification: Codable, Hashable, Sendable {
  package var name: String
  package var policy = ChildPolicy()
  package var strategy: Strategy = .oneForOne
  package var intensity = RestartIntensity()
  package var backoff = BackoffPolicy()
  package var autoShutdown: AutoShutdown = .never
  /// In start order.
  package var children: [ChildSpecification] = []

  package init(name: String) { self.name = name }
}

package indirect enum ChildSpecification: Codable, Hashable, Sendable {
  case agent(AgentSpecification)
  case supervisor(SupervisorSpecification)

  package var name: String {
    switch self {
    case .agent(let agent): agent.name
    case .supervisor(let supervisor): supervisor.name
    }
  }

  package var policy: ChildPolicy {
    switch self {
    case .agent(let agent): agent.policy
    case .supervisor(let supervisor): supervisor.policy
    }
  }
}

/// The whole tree: the children of the root, each of which is supervised alone.
package struct TreeSpecification: Codable, Hashable, Sendable {
  /// In start order. Each one gets an implicit `one_for_one` supervisor of its own.
  package var children: [ChildSpecification] = []
  /// The budget of the implicit supervisors.
  package var intensity = RestartIntensity()
  /// The backoff of the implicit supervisors.
  package var backoff = BackoffPolicy()
  /// How siblings under `one_for_one` stop: side by side, or as OTP does it one after the other
  /// in reverse order.
  package var stopsSiblingsSideBySide = true

  package init() {}
}
