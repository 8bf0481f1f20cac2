import SupervConfig
package import SupervisionTree

// Agents and their instances as calls see them: plain data in rows, found by their place. A call
// would otherwise count references a dozen times on its way.

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
  package let node: NodeID?
  package let number: AskerNumber
  let name: String
  /// Of what it asks.
  let handleHead: Slab<UInt8>

  /// - Parameter name: of the instance.
  package init(
    _ connection: ConnectionID, of node: NodeID?, name: String, in table: inout CallTable
  ) {
    self.connection = connection
    self.node = node
    self.name = name
    number = table.openAsker()
    handleHead = Slab(HandleMessage.head(from: name))
  }
}

/// What is known of a node of the tree: that it is an agent instance, or nothing.
struct CallPeer {
  let node: NodeID
  let name: String
  /// The supervisor that is declared for it; nil where it stands alone, or was taken out.
  var supervisor: NodeID?
  /// The place in the row of agents; nil for what is no instance, or is none any more.
  var agent: Int?
  /// One for each instance: one that hangs does not cut off those that work.
  var breaker: CircuitBreaker
  /// The connection that takes its calls, nil while there is none, as of a state of tree and
  /// sessions: neither is asked for every call.
  var reach: (state: UInt64, connection: ConnectionID?) = (0, nil)

  init(_ node: NodeID, name: String) {
    self.node = node
    self.name = name
    breaker = CircuitBreaker(BreakerSettings())
  }
}

/// One agent with all its instances: what a name that is called stands for.
struct CallAgent {
  let name: String
  var settings: CallSettings
  /// Instances named in `accept_calls_from`, by themselves or by what they belong to.
  var accepted: Set<NodeID> = []
  var peers: [NodeID] = []
  var metrics = CallMetrics()
  /// The instance that is first in turn.
  var turn = 0

  init(_ name: String, _ settings: CallSettings) {
    self.name = name
    self.settings = settings
  }
}

/// What a name stands for: all instances of an agent, or one of them.
package struct CallRoute {
  /// Its place in the row of agents.
  package let agent: Int
  package let peers: [NodeID]
  /// Where there is no choice.
  let only: NodeID?

  package init(to agent: Int, _ peers: [NodeID]) {
    self.agent = agent
    self.peers = peers
    only = peers.count == 1 ? peers[0] : nil
  }

  /// The instance with the fewest calls in its hands, in turn where they are equal.
  ///
  /// - Parameters:
  ///   - turn: which one is first in turn; afterwards the one behind the chosen one.
  ///   - handsCount: how many calls an instance has in its hands.
  ///   - canTake: whether an instance may be chosen at all.
  package func choose(
    inTurn turn: inout Int, by handsCount: (NodeID) -> Int, where canTake: (NodeID) -> Bool
  ) -> NodeID? {
    var chosen: (index: Int, handsCount: Int)?
    for offset in 0..<peers.count {
      let index = (turn &+ offset) % peers.count
      let count = handsCount(peers[index])
      if let chosen, chosen.handsCount <= count { continue }
      if canTake(peers[index]) { chosen = (index, count) }
    }
    guard let chosen else { return nil }
    turn = chosen.index &+ 1
    return peers[chosen.index]
  }
}
