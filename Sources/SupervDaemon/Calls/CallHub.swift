import SupervConfig
import SupervisionTree

/// All calls, and all that is known of those who call and are called.
final class CallHub {
  /// The longest chain of calls.
  static let maximumDepth = 32
  /// Of an operator's calls.
  static let operatorHead = HandleMessage.head(from: "@operator")

  private let keptTable: Exclusive<CallTable>
  var monitors = MonitorTable()
  var refusals = RefusalLimiter()
  private var traceIDs: Jitter
  /// Grows whenever the tree has changed: what peers know of their readiness is of one state of it.
  private(set) var treeState: UInt64 = 1
  /// By the index of the node.
  private var peers: [CallPeer?] = []
  private(set) var agents: [CallAgent] = []
  private var names = RouteTable([])
  private var routes: [CallRoute] = []

  /// - Parameter seed: of trace ids, and of the first call's number.
  init(seed: UInt64) {
    var random = Jitter(seed: seed)
    keptTable = Exclusive(CallTable(firstNumber: random.next()))
    traceIDs = random
  }

  var table: CallTable {
    @inline(__always) _read { yield keptTable.value }
    @inline(__always) _modify { yield &keptTable.value }
  }

  var nextDeadline: MonotonicTime? { table.nextDeadline }

  /// What has become of the calls to each agent.
  func reports(at now: MonotonicTime) -> [CallReport] {
    agents.map { agent in
      CallReport(
        agent: agent.name, metrics: agent.metrics,
        inFlight: agent.peers.reduce(0) { $0 + table.handsCount($1.node) },
        breakers: agent.peers.map { ($0.name, $0.breaker.state(at: now)) })
    }
  }

  func treeChanged() { treeState &+= 1 }

  func peer(_ node: NodeID) -> CallPeer? {
    peers.indices.contains(node.index) ? peers[node.index] : nil
  }

  /// A trace of its own; its span is still to be named.
  func newTrace() -> TraceParent {
    // Taken out and put back: two moves of a word, where an access that lasts is looked up.
    var random = traceIDs
    defer { traceIDs = random }
    return TraceParent(newTrace: &random, parentID: 0)
  }

  /// Somebody who may make calls, until `abandonCalls`.
  func asker(_ connection: ConnectionID, of peer: CallPeer?) -> Asker {
    Asker(connection, of: peer, in: &table)
  }

  func route(to name: Span<UInt8>) -> CallRoute? { names.index(of: name).map { routes[$0] } }

  /// Takes over a new configuration. Calls in flight, breakers and counts stay.
  ///
  /// - Parameter isAlive: whether an instance that is not in it any more has a process still.
  func adopt(_ configuration: Configuration, _ tree: SupervisionTree, isAlive: (NodeID) -> Bool) {
    let former = Dictionary(uniqueKeysWithValues: agents.map { ($0.name, $0) })
    for agent in agents { agent.peers = [] }
    agents = []
    let formerPeers = peers
    // What is taken out ends what it began, and nothing new comes to it.
    peers = formerPeers.map { peer in
      guard let peer, isAlive(peer.node) || table.handsCount(peer.node) > 0 else { return nil }
      peer.move(to: nil, of: peer.agent)
      return peer
    }
    for definition in configuration.agents {
      guard let node = tree.id(named: definition.specification.name) else { continue }
      let agent = adopt(definition, former)
      let parent = tree.parent(of: node)
      let supervisor = parent == .root ? nil : parent
      while peers.count <= node.index { peers.append(nil) }
      let known = formerPeers.indices.contains(node.index) ? formerPeers[node.index] : nil
      let peer =
        known
        ?? CallPeer(
          node, name: definition.specification.name, supervisor: supervisor, of: agent)
      peer.move(to: supervisor, of: agent)
      peers[node.index] = peer
      agent.peers.append(peer)
    }
    let named = Dictionary(uniqueKeysWithValues: agents.map { ($0.name, $0) })
    for agent in agents {
      agent.accepted = Set(
        agent.settings.acceptedNames.flatMap { nodes(named: $0, named, tree) })
    }
    makeRoutes()
  }

  private func adopt(_ definition: AgentDefinition, _ former: [String: CallAgent]) -> CallAgent {
    // The instances of an agent stand together.
    if let last = agents.last, last.name == definition.agent { return last }
    let agent =
      former[definition.agent] ?? CallAgent(definition.agent, definition.calls)
    agent.settings = definition.calls
    agents.append(agent)
    return agent
  }

  /// The instances that a name in `accept_calls_from` stands for: those of an agent, one of them,
  /// or all below a supervisor.
  private func nodes(
    named name: String, _ agents: [String: CallAgent], _ tree: SupervisionTree
  ) -> [NodeID] {
    if let agent = agents[name] { return agent.peers.map(\.node) }
    guard let id = tree.id(named: name) else { return [] }
    return agents.values.flatMap(\.peers).map(\.node).filter { node in
      var above = node
      while above != id, above != .root { above = tree.parent(of: above) }
      return above == id
    }
  }

  private func makeRoutes() {
    var list: [String] = []
    routes = []
    for agent in agents {
      list.append(agent.name)
      routes.append(CallRoute(to: agent, agent.peers))
      for peer in agent.peers where peer.name != agent.name {
        list.append(peer.name)
        routes.append(CallRoute(to: agent, [peer]))
      }
    }
    names = RouteTable(list)
  }
}
