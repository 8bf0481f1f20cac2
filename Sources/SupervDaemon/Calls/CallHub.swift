import SupervConfig
import SupervProtocol
import SupervisionTree

/// All calls, and all that is known of those who call and are called.
final class CallHub {
  /// The longest chain of calls.
  static let maximumDepth = 32
  /// What an operator's calls come from.
  static let operatorName = "@operator"

  private let keptTable: Exclusive<CallTable>
  var monitors = MonitorTable()
  var refusals = RefusalLimiter()
  /// Calls that were handed to somebody. Each of them is in `endedCount` in the end.
  var begunCount: UInt64 = 0
  private let traceIDs: Exclusive<Jitter>
  /// Grows whenever the tree has changed: what peers know of their readiness is of one state of it.
  private(set) var treeState: UInt64 = 1
  private let keptPeers = Exclusive(Slab<CallPeer>())
  private let keptAgents = Exclusive(Slab<CallAgent>())
  /// The agents of the configuration come first; of those behind them instances are left.
  private var configuredCount = 0
  private let names = Exclusive(RouteTable([]))
  private let keptRoutes = Exclusive(Slab<CallRoute>())

  /// - Parameter seed: of trace ids, and of the first call's number.
  init(seed: UInt64) {
    var random = Jitter(seed: seed)
    keptTable = Exclusive(CallTable(firstNumber: random.next()))
    traceIDs = Exclusive(random)
  }

  var table: CallTable {
    @inline(__always) _read { yield keptTable.value }
    @inline(__always) _modify { yield &keptTable.value }
  }

  /// By the index of the node.
  var peers: Slab<CallPeer> {
    @inline(__always) _read { yield keptPeers.value }
    @inline(__always) _modify { yield &keptPeers.value }
  }

  var agents: Slab<CallAgent> {
    @inline(__always) _read { yield keptAgents.value }
    @inline(__always) _modify { yield &keptAgents.value }
  }

  /// By the place of the name.
  private(set) var routes: Slab<CallRoute> {
    @inline(__always) _read { yield keptRoutes.value }
    @inline(__always) _modify { yield &keptRoutes.value }
  }

  var nextDeadline: MonotonicTime? { table.nextDeadline }

  /// Those of the configuration.
  private var configuredAgents: [CallAgent] { (0..<configuredCount).map { agents[$0] } }

  /// All names that can be called.
  var knownNames: [String] {
    configuredAgents.flatMap { agent in [agent.name] + agent.peers.map { name(of: $0) } }
  }

  /// What has become of the calls to each agent.
  func reports(at now: MonotonicTime) -> [CallReport] {
    configuredAgents.map { agent in
      let instances = agent.peers.compactMap { peer($0) }
      return CallReport(
        agent: agent.name, metrics: agent.metrics,
        inFlight: instances.reduce(0) { $0 + table.handsCount($1.node) },
        breakers: instances.map { ($0.name, $0.breaker.state(at: now)) })
    }
  }

  /// With whatever end, over all agents there have been.
  var endedCount: UInt64 { (0..<agents.count).reduce(0) { $0 + agents[$1].metrics.latency.count } }

  func treeChanged() { treeState &+= 1 }

  func peer(_ node: NodeID) -> CallPeer? {
    guard peers.indices.contains(node.index) else { return nil }
    let peer = peers[node.index]
    return peer.agent == nil ? nil : peer
  }

  /// Of an instance.
  func name(of node: NodeID) -> String { peer(node)?.name ?? "" }

  /// The place of the agent that an asker is an instance of.
  func agent(of asker: Asker) -> Int? { asker.node.flatMap { peer($0)?.agent } }

  /// A trace of its own; its span is still to be named.
  func newTrace() -> TraceParent { TraceParent(newTrace: &traceIDs.value, parentID: 0) }

  /// Somebody who may make calls, until `abandonCalls`.
  ///
  /// - Parameter node: nil for an operator.
  func asker(_ connection: ConnectionID, of node: NodeID?) -> Asker {
    let name = node.map { self.name(of: $0) } ?? Self.operatorName
    return Asker(connection, of: node, name: name, in: &table)
  }

  /// The place of what a name stands for.
  func route(to name: Span<UInt8>) -> Int? { names.value.index(of: name) }

  /// Whether an instance may call an agent: siblings under one supervisor may, and whom the agent
  /// accepts.
  func accepts(_ caller: NodeID, at agent: Int) -> Bool {
    if agents[agent].settings.acceptsAll { return true }
    if let supervisor = peers[caller.index].supervisor, let sibling = agents[agent].peers.first,
      peers[sibling.index].supervisor == supervisor
    {
      return true
    }
    return agents[agent].accepted.contains(caller)
  }
}

// MARK: - The configuration

extension CallHub {
  /// Takes over a new configuration. Calls in flight, breakers and counts stay.
  ///
  /// - Parameter isAlive: whether an instance that is not in it any more has a process still.
  func adopt(_ configuration: Configuration, _ tree: SupervisionTree, isAlive: (NodeID) -> Bool) {
    let formerPeers = peers.indices.map { peers[$0] }
    let formerAgents = agents.indices.map { agents[$0] }
    let former = Dictionary(
      uniqueKeysWithValues: formerAgents.prefix(configuredCount).map { ($0.name, $0) })
    peers = Slab()
    for index in 0..<max(tree.nodeCount, formerPeers.count) {
      peers.append(CallPeer(NodeID(index: index), name: ""))
    }
    var list: [CallAgent] = []
    for definition in configuration.agents {
      guard let node = tree.id(named: definition.specification.name) else { continue }
      // The instances of an agent stand together.
      if list.last?.name != definition.agent {
        list.append(former[definition.agent] ?? CallAgent(definition.agent, definition.calls))
        list[list.count - 1].peers = []
      }
      list[list.count - 1].settings = definition.calls
      list[list.count - 1].peers.append(node)
      let known = formerPeers.indices.contains(node.index) ? formerPeers[node.index] : nil
      var peer = CallPeer(node, name: definition.specification.name)
      if let known, known.agent != nil { peer = known }
      let parent = tree.parent(of: node)
      peer.supervisor = parent == .root ? nil : parent
      peer.agent = list.count - 1
      peer.breaker.settings = definition.calls.breaker
      peers[node.index] = peer
    }
    configuredCount = list.count
    // What is taken out ends what it began, and nothing new comes to it.
    for var peer in formerPeers where peers[peer.node.index].agent == nil {
      guard let former = peer.agent, isAlive(peer.node) || table.handsCount(peer.node) > 0
      else { continue }
      let agent = formerAgents[former]
      let place = list.firstIndex { $0.name == agent.name }
      if place == nil {
        list.append(agent)
        list[list.count - 1].peers = []
      }
      peer.supervisor = nil
      peer.agent = place ?? list.count - 1
      peers[peer.node.index] = peer
    }
    takeOver(list, tree)
    makeRoutes()
  }

  private func takeOver(_ list: [CallAgent], _ tree: SupervisionTree) {
    let configured = list.prefix(configuredCount)
    let named = Dictionary(uniqueKeysWithValues: configured.map { ($0.name, $0.peers) })
    let all = configured.flatMap(\.peers)
    agents = Slab()
    for var agent in list {
      agent.accepted = Set(
        agent.settings.acceptedNames.flatMap { name in
          named[name] ?? tree.id(named: name).map { id in all.filter { tree.is($0, below: id) } }
            ?? []
        })
      agents.append(agent)
    }
  }

  private func makeRoutes() {
    var list: [String] = []
    routes = Slab()
    for index in 0..<configuredCount {
      let agent = agents[index]
      list.append(agent.name)
      routes.append(CallRoute(to: index, agent.peers))
      for node in agent.peers where name(of: node) != agent.name {
        list.append(name(of: node))
        routes.append(CallRoute(to: index, [node]))
      }
    }
    names.value = RouteTable(list)
  }
}

extension SupervisionTree {
  /// Whether a node is another one, or stands below it.
  fileprivate func `is`(_ node: NodeID, below ancestor: NodeID) -> Bool {
    var above = node
    while above != ancestor, above != .root { above = parent(of: above) }
    return above == ancestor
  }
}
