package import SupervConfig
package import SupervisionTree

// The properties that change are of this module alone, or nothing could prove that they are changed
// in one place at a time, and every access would be looked up while the daemon runs.

/// The place of an asker in the table of calls.
package struct AskerNumber: Hashable, Sendable {
  let index: Int
}

/// One connection that may make calls.
package final class Asker {
  /// So many calls may wait on one connection.
  package static let maximumWaiting = 1024

  package let connection: ConnectionID
  /// The instance whose connection it is; nil for an operator's.
  package let peer: CallPeer?
  package let number: AskerNumber
  /// Of what it asks.
  let handleHead: [UInt8]

  package init(_ connection: ConnectionID, of peer: CallPeer?, in table: inout CallTable) {
    self.connection = connection
    self.peer = peer
    number = table.openAsker()
    handleHead = peer?.handleHead ?? CallHub.operatorHead
  }
}

/// One agent instance, as those who call and are called see it.
package final class CallPeer {
  package let node: NodeID
  package let name: String
  /// Of what it asks.
  let handleHead: [UInt8]
  /// The supervisor that is declared for it; nil where it stands alone, or was taken out.
  fileprivate(set) var supervisor: NodeID?
  fileprivate(set) var agent: CallAgent
  private let keptBreaker: Exclusive<CircuitBreaker>
  /// The connection that takes its calls, nil while there is none, as of a state of tree and
  /// sessions: neither is asked for every call.
  var reach: (state: UInt64, connection: ConnectionID?) = (0, nil)

  package init(_ node: NodeID, name: String, supervisor: NodeID?, of agent: CallAgent) {
    self.node = node
    self.name = name
    self.supervisor = supervisor
    self.agent = agent
    keptBreaker = Exclusive(CircuitBreaker(agent.settings.breaker))
    handleHead = HandleMessage.head(from: name)
  }

  /// One for each instance: one that hangs does not cut off those that work.
  var breaker: CircuitBreaker {
    @inline(__always) _read { yield keptBreaker.value }
    @inline(__always) _modify { yield &keptBreaker.value }
  }

  func move(to supervisor: NodeID?, of agent: CallAgent) {
    self.supervisor = supervisor
    self.agent = agent
    breaker.settings = agent.settings.breaker
  }
}

/// One agent with all its instances: what a name that is called stands for.
package final class CallAgent {
  package let name: String
  var settings: CallSettings
  /// Instances named in `accept_calls_from`, by themselves or by what they belong to.
  var accepted: Set<NodeID> = []
  var peers: [CallPeer] = []
  private let keptMetrics = Exclusive(CallMetrics())
  /// The instance that is first in turn.
  fileprivate var turn = 0

  package init(_ name: String, _ settings: CallSettings) {
    self.name = name
    self.settings = settings
  }

  var metrics: CallMetrics {
    @inline(__always) _read { yield keptMetrics.value }
    @inline(__always) _modify { yield &keptMetrics.value }
  }

  /// Whether an instance may call this agent: siblings under one supervisor may, and whom the
  /// agent accepts.
  func accepts(_ caller: CallPeer) -> Bool {
    if settings.acceptsAll { return true }
    if let supervisor = caller.supervisor, peers.first?.supervisor == supervisor { return true }
    return accepted.contains(caller.node)
  }
}

/// What a name stands for: all instances of an agent, or one of them.
package final class CallRoute {
  package let agent: CallAgent
  package let peers: [CallPeer]

  package init(to agent: CallAgent, _ peers: [CallPeer]) {
    self.agent = agent
    self.peers = peers
  }

  /// The instance with the fewest calls in its hands, in turn where they are equal.
  ///
  /// - Parameters:
  ///   - handsCount: how many calls an instance has in its hands.
  ///   - canTake: whether an instance may be chosen at all.
  @inline(__always)
  package func choose(
    by handsCount: (NodeID) -> Int, where canTake: (CallPeer) -> Bool
  ) -> CallPeer? {
    if peers.count == 1 {
      let only = peers[0]
      return canTake(only) ? only : nil
    }
    var chosen: (peer: CallPeer, index: Int, handsCount: Int)?
    for offset in 0..<peers.count {
      let index = (agent.turn &+ offset) % peers.count
      let peer = peers[index]
      let count = handsCount(peer.node)
      if let chosen, chosen.handsCount <= count { continue }
      if canTake(peer) { chosen = (peer, index, count) }
    }
    guard let chosen else { return nil }
    agent.turn = chosen.index &+ 1
    return chosen.peer
  }
}
