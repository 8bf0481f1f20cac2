// The control socket: what `superv chaos` asks of a daemon whose configuration allows chaos. Every
// fault has an end of its own, so that one who asked and died leaves nothing behind.

/// Faults that only the daemon itself can bring about.
package enum DaemonFault: String, CaseIterable, Codable, Hashable, Sendable {
  /// Answers of an agent to calls and pings are thrown away.
  case drop
  /// They come later.
  case delay
  /// They come twice.
  case duplicate
  /// superv's view of the wall clock is off.
  case clock
  /// A process within the agent's limits uses the processor, or memory.
  case cpu, memory
}

/// Params of `chaos.disturb`.
package struct ChaosDisturbParams: Codable, Hashable, Sendable {
  package var fault: DaemonFault
  /// The instance; nil for `clock`.
  package var agent: String?
  /// For how long: at most ten minutes.
  package var forMilliseconds: Int64
  /// Milliseconds of `delay` and, with a sign, of `clock`; bytes of `memory`.
  package var amount: Int64?

  package init(
    _ fault: DaemonFault, agent: String? = nil, forMilliseconds: Int64, amount: Int64? = nil
  ) {
    self.fault = fault
    self.agent = agent
    self.forMilliseconds = forMilliseconds
    self.amount = amount
  }

  private enum CodingKeys: String, CodingKey {
    case fault, agent
    case forMilliseconds = "for_ms"
    case amount
  }
}

/// What `chaos.facts` answers.
package struct ChaosFacts: Codable, Hashable, Sendable {
  package struct Agent: Codable, Hashable, Sendable {
    /// The instance.
    package var name: String
    /// Whether it may be hit.
    package var allowed: Bool
    /// Whether what it starts may outlive it.
    package var detaches: Bool
    @OrNull package var pid: Int32?
    package var incarnation: Int
    /// Of the pipe that its process was given as standard output; null without a process.
    @OrNull package var outputInode: UInt64?

    package init(
      name: String, allowed: Bool, detaches: Bool, pid: Int32? = nil, incarnation: Int,
      outputInode: UInt64? = nil
    ) {
      self.name = name
      self.allowed = allowed
      self.detaches = detaches
      self.pid = pid
      self.incarnation = incarnation
      self.outputInode = outputInode
    }

    private enum CodingKeys: String, CodingKey {
      case name, allowed, detaches, pid, incarnation
      case outputInode = "output_inode"
    }
  }

  /// Since this daemon began.
  package struct Calls: Codable, Hashable, Sendable {
    /// Handed to an agent.
    package var begun: UInt64
    /// Of those, with whatever end.
    package var ended: UInt64
    package var inFlight: UInt64

    package init(begun: UInt64, ended: UInt64, inFlight: UInt64) {
      self.begun = begun
      self.ended = ended
      self.inFlight = inFlight
    }

    private enum CodingKeys: String, CodingKey {
      case begun, ended
      case inFlight = "in_flight"
    }
  }

  /// The main file.
  package var configuration: String
  package var stateDirectory: String
  /// Where agents connect: in the environment of each of their processes.
  package var agentSocket: String
  /// Of children of the root, each of which has a budget of its own.
  package var intensity: Int
  package var periodSeconds: Double
  package var agents: [Agent]
  package var calls: Calls
  /// superv's own processes that live in an agent's place: probes and hogs.
  package var helpers: [Int32]
  /// Faults in force.
  package var faults: [String]

  package init(
    configuration: String, stateDirectory: String, agentSocket: String, intensity: Int,
    periodSeconds: Double, agents: [Agent], calls: Calls, helpers: [Int32], faults: [String]
  ) {
    self.configuration = configuration
    self.stateDirectory = stateDirectory
    self.agentSocket = agentSocket
    self.intensity = intensity
    self.periodSeconds = periodSeconds
    self.agents = agents
    self.calls = calls
    self.helpers = helpers
    self.faults = faults
  }

  private enum CodingKeys: String, CodingKey {
    case configuration
    case stateDirectory = "state_dir"
    case agentSocket = "agent_socket"
    case intensity
    case periodSeconds = "period_s"
    case agents, calls, helpers, faults
  }
}
