/// What happened to the tree from outside. Every event is handled with the monotonic time at
/// which it was seen.
package enum Event: Codable, Hashable, Sendable {
  /// The whole tree is to start.
  case begin
  /// The process of an incarnation runs: its exec succeeded.
  case spawned(NodeID, incarnation: UInt64)
  /// It does not; `why` names stage, path and error.
  case spawnFailed(NodeID, incarnation: UInt64, why: String)
  /// The process ended and nothing of it is left.
  case exited(NodeID, incarnation: UInt64, Termination)
  /// From now on it says itself when it is ready: time alone does not make it so.
  case declaresReadiness(NodeID, incarnation: UInt64)
  /// It can serve.
  case ready(NodeID, incarnation: UInt64, why: Reason)
  /// It cannot serve, and lives.
  case notReady(NodeID, incarnation: UInt64, why: Reason)
  /// It does not live as it should: it is stopped, and what follows is what an abnormal end means.
  case unhealthy(NodeID, incarnation: UInt64, why: Reason)
  /// It could not be told to stop.
  case stopUnheard(NodeID, incarnation: UInt64)
  /// It asks for so much time until the next rung of its stop, from now.
  case extendStop(NodeID, incarnation: UInt64, by: Duration)
  /// The time given with `setTimer` has come.
  case timer(NodeID)
  /// An operator wants it up, down, or started anew.
  case request(Request, NodeID)
  /// There is a new configuration.
  case reload(TreeSpecification)
  /// The whole tree is to stop.
  case shutdown
  /// The stop takes too long: kill what is left.
  case hurry
}

package enum Request: String, CaseIterable, Codable, Hashable, Sendable {
  case up, down, restart
}

/// What the tree wants done, in this order. The tree decides, the daemon does.
package enum Effect: Hashable, Sendable {
  /// Start the process of this incarnation and answer with `spawned` or `spawnFailed`.
  case spawn(NodeID, incarnation: UInt64)
  /// Tell it over its connection to stop within `grace`; `stopUnheard` when it has none.
  case askToStop(NodeID, incarnation: UInt64, grace: Duration, why: Reason)
  case signal(NodeID, incarnation: UInt64, Int32)
  /// Kill its whole process tree.
  case kill(NodeID, incarnation: UInt64)
  /// Send `timer` at this time. A node has one timer; a new time replaces the old one.
  case setTimer(NodeID, MonotonicTime)
  case cancelTimer(NodeID)
  /// Something that people and tools want to know.
  case note(Note)
  /// Everything is stopped; nothing follows.
  case treeStopped(TreeEnd)
}

/// Why the tree is stopped.
package enum TreeEnd: Codable, Hashable, Sendable {
  case asked
  /// A critical child of the root failed.
  case criticalFailed(child: String, why: String)
}

/// One line of the tree's story.
package struct Note: Codable, Hashable, Sendable {
  package enum Kind: String, CaseIterable, Codable, Hashable, Sendable {
    case agentWaiting = "agent.waiting"
    case agentStarting = "agent.starting"
    case agentStarted = "agent.started"
    case agentReady = "agent.ready"
    case agentNotReady = "agent.not_ready"
    case agentStopping = "agent.stopping"
    case agentExited = "agent.exited"
    case agentBackoff = "agent.backoff"
    case agentFailed = "agent.failed"
    case agentStopped = "agent.stopped"
    case agentStartFailed = "agent.start_failed"
    case agentRemoved = "agent.removed"
    case supervisorWaiting = "supervisor.waiting"
    case supervisorBackoff = "supervisor.backoff"
    case supervisorStarting = "supervisor.starting"
    case supervisorStarted = "supervisor.started"
    case supervisorRestarting = "supervisor.restarting"
    case supervisorStopping = "supervisor.stopping"
    case supervisorStopped = "supervisor.stopped"
    case supervisorGaveUp = "supervisor.gave_up"
    case supervisorFailed = "supervisor.failed"
    case supervisorRemoved = "supervisor.removed"
  }

  package var kind: Kind
  package var node: NodeID
  package var name: String
  /// Of an agent; 0 for a supervisor.
  package var incarnation: UInt64
  package var reason: Reason
  /// When what it announces will happen (a backoff's end), where there is such a time.
  package var due: MonotonicTime?
}
