/// Names a node of one tree. Never reused while the tree lives.
public struct NodeID: Codable, Hashable, Comparable, Sendable {
  public let index: Int

  @inlinable
  public init(index: Int) { self.index = index }

  public static let root = NodeID(index: 0)

  @inlinable
  public static func == (left: Self, right: Self) -> Bool { left.index == right.index }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.index < right.index }
}

// As it is written down.
extension NodeID {
  public init(from decoder: any Decoder) throws {
    self.init(index: try decoder.singleValueContainer().decode(Int.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(index)
  }
}

/// What an operator wants; kept apart from what is.
package enum Wish: String, Codable, Hashable, Sendable {
  case up, down
}

/// Where a child stands, as people see it (status, events).
package enum PublicPhase: String, CaseIterable, Hashable, Sendable {
  case stopped, waiting, starting, running, backoff, stopping, exited, failed
}

/// How a child that has no process came to rest.
enum Rest: String, Codable, Hashable, Sendable {
  /// It was not started yet, or somebody stopped it.
  case stopped
  /// It ended by itself and its restart type leaves it down.
  case exited
  /// It cannot be kept up.
  case failed
}

/// On whose behalf a child is being started: this decides what a failure to start means.
enum StartOrigin: String, Codable, Hashable, Sendable {
  /// It is part of a run of starts of its supervisor, which decides.
  case run
  /// Its supervisor restarts it alone, or its needs are met now: a failure spends budget.
  case restart
  /// An operator asked: a failure is the answer.
  case request
}

enum Phase: Codable, Hashable, Sendable {
  case down(Rest)
  /// Something it needs does not hold yet.
  case waiting
  /// An agent: its process is being made. A supervisor: its children are being started.
  case starting(StartOrigin)
  case running(ready: Bool)
  /// It ended by itself, and its supervisor has not got to it yet.
  case ended
  /// Its restart is decided; nil: as soon as its supervisor gets to it.
  case retrying(due: MonotonicTime?)
  /// It was told to stop. For an agent: the rung of the ladder it stands on, or nil while its
  /// process is still being made.
  case stopping(rung: Int?)

  /// Whether there may be a process (or children) to wait for.
  var isAlive: Bool {
    switch self {
    case .starting, .running, .stopping: true
    case .down, .waiting, .ended, .retrying: false
    }
  }
}

/// What keeps a child from being started by its supervisor, beside the operator's wish.
enum Bar: String, Codable, Hashable, Sendable {
  /// Temporary, and ended: forgotten until its supervisor starts anew.
  case dropped
  /// EX_CONFIG: until an operator or a new configuration says otherwise.
  case misconfigured
}

/// What follows when a child that was stopped alone is gone.
enum AfterStop: String, Codable, Hashable, Sendable {
  case rest
  case startAgain
  /// It was stopped because it was not healthy: its restart type decides, as after any other
  /// abnormal end.
  case decide
}

struct ResolvedNeed: Codable, Hashable, Sendable {
  var need: Need
  var nodes: [NodeID]
}

/// The end of a process, as status shows it.
package struct ExitRecord: Codable, Hashable, Sendable {
  package var termination: Termination
  package var exitClass: ExitClass
  package var incarnation: UInt64
}

struct Node: Codable, Sendable {
  enum Kind: Codable, Sendable {
    case agent(AgentSpecification)
    case supervisor(Supervisor)
    /// Only while a change is being made in place.
    case moved
  }

  let name: String
  var parent: NodeID
  var kind: Kind
  var policy: ChildPolicy
  var wish: Wish
  /// Whether an operator, rather than the configuration, said so.
  var isWishOperators = false
  var phase: Phase = .down(.stopped)
  var reason: Reason = .notStarted
  var bar: Bar?
  /// Of an agent.
  var incarnation: UInt64 = 0
  /// How often a supervisor was started in this life of the tree.
  var supervisorStarts: UInt64 = 0
  /// Restarts that supervision made; those that an operator asked for are not counted.
  var restarts = 0
  var lastExit: ExitRecord?
  /// In a row, of an agent whose starts are counted; nil: none.
  var failedStarts: Int?
  var afterStop: AfterStop?
  var needs: [ResolvedNeed] = []
  /// The siblings whose subtrees need something in this one: they stop before it.
  var stopsAfter: [NodeID] = []
  /// The budget of a child of the root, which is supervised alone.
  var window = RestartWindow()
  /// Taken out of the tree by a reload, and not yet gone.
  var isDeparting = false
  /// The node of the same name that this one replaces: it starts when that one is gone.
  var predecessor: NodeID?
}

/// What only a supervisor has.
struct Supervisor: Codable, Sendable {
  var specification: SupervisorSpecification
  /// In start order.
  var children: [NodeID] = []
  var window = RestartWindow()
  var mailbox: [Mail] = []
  var occupation: Occupation = .none
  /// A group restart whose stops are done and whose backoff is not over.
  var pendingGroup: GroupRestart?
}

/// What waits for a supervisor's attention, handled first in, first out.
enum Mail: Codable, Hashable, Sendable {
  case ended(NodeID)
  /// A restart attempt failed; the procedure runs again.
  case retry(NodeID)
  /// The backoff of one child is over.
  case due(NodeID)
  /// The backoff of a group restart is over.
  case groupDue
  case request(Request, NodeID)
  /// A reload changed what its process is made of.
  case replace(NodeID)
  /// A reload brought it.
  case added(NodeID)
  /// The needs of a waiting child are met.
  case needsMet(NodeID)
}

/// What a supervisor is in the middle of. Mail waits until it is `none`.
enum Occupation: Codable, Sendable {
  case none
  case starting(StartRun)
  case stopping(StopRun)
  /// Stops or replaces one child while siblings are tied to it.
  case single(NodeID)
}

/// Starts children in order.
struct StartRun: Codable, Sendable {
  enum Purpose: String, Codable, Sendable {
    /// The supervisor's own start: a failure undoes it.
    case boot
    /// A restart: a failure ends the run and is tried again, spending budget.
    case restart
    /// What these children needed holds now: a failure is tried again as well.
    case resume
    /// An operator asked: a failure is the answer.
    case request
  }

  /// Last first.
  var queue: [NodeID]
  var purpose: Purpose
  /// Why its children start; siblings of `cause` start because it does.
  var why: Reason
  var cause: NodeID?
  /// The child whose start is not over yet.
  var current: NodeID?
}

/// Stops children, and goes on when all of them are gone.
struct StopRun: Codable, Sendable {
  enum Next: Codable, Sendable {
    /// The start failed: what had been started is stopped, and the supervisor with it.
    case rollBack(why: Reason)
    case giveUp(why: Reason)
    case shutDown(why: Reason)
    /// Its own supervisor told it to stop.
    case stopped
    case restartGroup(GroupRestart)
  }

  /// Not told to stop yet, in start order.
  var remaining: [NodeID]
  /// Told to stop and not gone yet.
  var inProgress: [NodeID] = []
  var next: Next
}

/// The second half of a group restart: what to start, when, and why.
struct GroupRestart: Codable, Hashable, Sendable {
  /// In start order.
  var members: [NodeID]
  /// The child that ended.
  var cause: NodeID
  var delay: Duration
  var why: Reason
}
