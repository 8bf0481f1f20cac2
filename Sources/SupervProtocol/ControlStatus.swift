// The control socket: what `status`, `why` and `health` ask and answer. The member names are
// promises to the tools that read them: members may be added, never renamed. The order of the cases
// of `CodingKeys` is the order of the members.

/// The methods of the control socket.
package enum ControlMethod: String, CaseIterable, Hashable, Sendable, Codable {
  case status, up, down, restart, signal, hold, events, why, logs, reload, health, call, shutdown
  case upgrade
  case chaosFacts = "chaos.facts"
  case chaosDisturb = "chaos.disturb"
  case chaosCalm = "chaos.calm"
}

/// Params of methods that have none.
package struct NoParams: Codable, Hashable, Sendable {
  package init() {}
  package init(from decoder: any Decoder) throws {}
  package func encode(to encoder: any Encoder) throws {
    _ = encoder.container(keyedBy: NoKeys.self)
  }

  private enum NoKeys: CodingKey {}
}

/// What `status` waits for before it answers.
package enum StatusWait: String, CaseIterable, Hashable, Sendable, Codable {
  /// Every agent that is to run has been started, or has failed.
  case up
  /// Every agent that is to run is ready, or has failed.
  case ready
}

package struct StatusParams: Codable, Hashable, Sendable {
  /// An agent, an instance or a supervisor; nil for everything.
  package var agent: String?
  package var wait: StatusWait?

  package init(agent: String? = nil, wait: StatusWait? = nil) {
    self.agent = agent
    self.wait = wait
  }
}

package struct StatusReport: Codable, Hashable, Sendable {
  /// The version of this shape.
  package var version = 1
  package var daemon: DaemonStatus
  package var agents: [AgentStatus]
  package var supervisors: [SupervisorStatus]

  package init(daemon: DaemonStatus, agents: [AgentStatus], supervisors: [SupervisorStatus]) {
    self.daemon = daemon
    self.agents = agents
    self.supervisors = supervisors
  }
}

/// What the daemon is doing.
package enum DaemonState: String, CaseIterable, Hashable, Sendable, Codable {
  case starting, running, stopping
}

package struct DaemonStatus: Codable, Hashable, Sendable {
  package var pid: Int32
  /// Null where no keeper runs.
  @OrNull package var keeperPID: Int32?
  package var uptimeSeconds: Double
  package var state: DaemonState
  /// Null of a daemon that does not say.
  @OrNull package var cgroups: ControlGroupsStatus?

  package init(pid: Int32, keeperPID: Int32? = nil, uptimeSeconds: Double, state: DaemonState) {
    self.pid = pid
    self.keeperPID = keeperPID
    self.uptimeSeconds = uptimeSeconds
    self.state = state
  }

  private enum CodingKeys: String, CodingKey {
    case pid
    case keeperPID = "keeper_pid"
    case uptimeSeconds = "uptime_s"
    case state, cgroups
  }
}

/// What the operator wants of a child.
package enum DesiredState: String, CaseIterable, Hashable, Sendable, Codable {
  case up, down
}

/// How a process ended: with a code or by a signal.
package struct ExitReport: Codable, Hashable, Sendable {
  /// The exit code, 0 to 255; null when a signal ended it.
  @OrNull package var code: Int32?
  /// The number of the signal that ended it; null when it exited.
  @OrNull package var signal: Int32?
  /// `normal`, `requested`, `abnormal` or another of the exit classes.
  package var classification: String
  /// Whether the kernel killed it because memory had run out.
  @OrEmpty package var oom: Bool

  package init(
    code: Int32? = nil, signal: Int32? = nil, classification: String, oom: Bool = false
  ) {
    self.code = code
    self.signal = signal
    self.classification = classification
    self.oom = oom
  }

  private enum CodingKeys: String, CodingKey {
    case code, signal
    case classification = "class"
    case oom
  }
}

package struct AgentStatus: Codable, Hashable, Sendable {
  /// The instance: `NAME`, or `NAME:INSTANCE` where there are several.
  package var name: String
  /// The agent whose instance this is.
  package var agent: String
  package var instance: Int
  /// `root` for a child of the root.
  package var supervisor: String
  package var desired: DesiredState
  package var phase: String
  package var ready: Bool
  package var alive: Bool
  /// Null without a process.
  @OrNull package var pid: Int32?
  /// 0 before the first start.
  package var incarnation: Int
  package var restarts: Int
  /// Since the process was started; null without one.
  @OrNull package var uptimeSeconds: Double?
  /// RFC 3339, UTC; null without a process.
  @OrNull package var startedAt: String?
  /// How the last process ended; null when none has.
  @OrNull package var exit: ExitReport?
  @OrNull package var reason: String?
  /// Since when it is ready: RFC 3339, UTC; null when it is not.
  @OrNull package var readyAt: String?
  /// Why it says that it is not ready; null when it does not say so.
  @OrNull package var notReadyReason: String?
  /// What it last said of itself; null when it has said nothing.
  @OrNull package var statusText: String?
  @OrNull package var progress: String?
  /// The process that it calls its main one.
  @OrNull package var mainPID: Int32?
  /// Whether an operator holds it: nothing is asked of it.
  @OrEmpty package var held: Bool
  /// Oldest first.
  @OrEmpty package var operations: [OperationStatus]
  @OrEmpty package var probes: [ProbeStatus]
  /// Processes of this or an earlier incarnation that have lost their parents and live.
  @OrEmpty package var orphans: [Int32]
  /// Limits of its whole process tree.
  @OrEmpty package var limits: [LimitStatus]
  /// `closed`, `open` (no calls are made to it) or `half_open`.
  package var breaker: String
  /// Calls in the hands of this instance.
  package var callsInFlight: Int

  package init(
    name: String, agent: String? = nil, instance: Int = 0, supervisor: String = "root",
    desired: DesiredState = .up, phase: String, ready: Bool = false, alive: Bool = false,
    pid: Int32? = nil, incarnation: Int = 0, restarts: Int = 0, uptimeSeconds: Double? = nil,
    startedAt: String? = nil, exit: ExitReport? = nil, reason: String? = nil,
    breaker: String = "closed", callsInFlight: Int = 0
  ) {
    self.name = name
    self.agent = agent ?? name
    self.instance = instance
    self.supervisor = supervisor
    self.desired = desired
    self.phase = phase
    self.ready = ready
    self.alive = alive
    self.pid = pid
    self.incarnation = incarnation
    self.restarts = restarts
    self.uptimeSeconds = uptimeSeconds
    self.startedAt = startedAt
    self.exit = exit
    self.reason = reason
    self.breaker = breaker
    self.callsInFlight = callsInFlight
  }

  private enum CodingKeys: String, CodingKey {
    case name, agent, instance, supervisor, desired, phase, ready, alive, pid, incarnation
    case restarts
    case uptimeSeconds = "uptime_s"
    case startedAt = "started_at"
    case exit, reason
    case readyAt = "ready_at"
    case notReadyReason = "not_ready_reason"
    case statusText = "status_text"
    case progress
    case mainPID = "main_pid"
    case held, operations, probes, orphans, limits, breaker
    case callsInFlight = "calls_in_flight"
  }
}

package struct SupervisorStatus: Codable, Hashable, Sendable {
  package var name: String
  /// `root` for a child of the root.
  package var parent: String
  package var strategy: String
  package var desired: DesiredState
  package var phase: String
  package var restartsInPeriod: Int
  package var intensity: Int
  package var periodSeconds: Double
  /// The names of its children in start order.
  package var children: [String]
  @OrNull package var reason: String?

  package init(
    name: String, parent: String = "root", strategy: String, desired: DesiredState = .up,
    phase: String, restartsInPeriod: Int = 0, intensity: Int, periodSeconds: Double,
    children: [String], reason: String? = nil
  ) {
    self.name = name
    self.parent = parent
    self.strategy = strategy
    self.desired = desired
    self.phase = phase
    self.restartsInPeriod = restartsInPeriod
    self.intensity = intensity
    self.periodSeconds = periodSeconds
    self.children = children
    self.reason = reason
  }

  private enum CodingKeys: String, CodingKey {
    case name, parent, strategy, desired, phase
    case restartsInPeriod = "restarts_in_period"
    case intensity
    case periodSeconds = "period_s"
    case children, reason
  }
}

package struct WhyParams: Codable, Hashable, Sendable {
  /// An agent instance or a supervisor.
  package var name: String

  package init(name: String) { self.name = name }
}

/// Why a child is in the phase it is in, and how it came to that.
package struct WhyReport: Codable, Hashable, Sendable {
  package struct Entry: Codable, Hashable, Sendable {
    /// RFC 3339, UTC.
    package var time: String
    package var event: String
    @OrNull package var reason: String?

    package init(time: String, event: String, reason: String? = nil) {
      self.time = time
      self.event = event
      self.reason = reason
    }
  }

  package var name: String
  package var phase: String
  package var ready: Bool
  package var desired: DesiredState
  @OrNull package var reason: String?
  @OrNull package var exit: ExitReport?
  package var restarts: Int
  /// Oldest first.
  package var history: [Entry]
  /// The last lines of its output, oldest first.
  package var output: [String]

  package init(
    name: String, phase: String, ready: Bool, desired: DesiredState, reason: String? = nil,
    exit: ExitReport? = nil, restarts: Int = 0, history: [Entry] = [], output: [String] = []
  ) {
    self.name = name
    self.phase = phase
    self.ready = ready
    self.desired = desired
    self.reason = reason
    self.exit = exit
    self.restarts = restarts
    self.history = history
    self.output = output
  }
}

package struct HealthReport: Codable, Hashable, Sendable {
  package struct Agents: Codable, Hashable, Sendable {
    package var total: Int
    package var ready: Int
    package var failed: Int

    package init(total: Int, ready: Int, failed: Int) {
      self.total = total
      self.ready = ready
      self.failed = failed
    }
  }

  package var live: Bool
  package var ready: Bool
  package var state: DaemonState
  /// The version of superv that runs.
  package var version: String
  package var agents: Agents
  /// Why it is not ready, one reason an element.
  package var reasons: [String]

  package init(
    live: Bool = true, ready: Bool, state: DaemonState, version: String, agents: Agents,
    reasons: [String] = []
  ) {
    self.live = live
    self.ready = ready
    self.state = state
    self.version = version
    self.agents = agents
    self.reasons = reasons
  }
}
