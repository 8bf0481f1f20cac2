import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// The methods of the control socket. Whoever may connect may use all of them: the socket's mode
// decides that.

extension Daemon {
  /// Carries out a request and answers it, now or when its condition holds.
  func perform(
    _ message: Message, in line: Span<UInt8>, _ requestID: [UInt8], on id: ConnectionID
  ) throws(RPCError) {
    let name = message.methodName(in: line) ?? ""
    guard let method = ControlMethod(rawValue: name) else {
      let nearest = nearestName(to: name, among: ControlMethod.allCases.map(\.rawValue))
      throw .methodNotFound(
        "there is no method '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }
    switch method {
    case .status:
      let params = try JSON.decodeParams(StatusParams.self, of: message, in: line)
      if let agent = params.agent { _ = try nodes(named: agent) }
      guard let wait = params.wait, !holds(wait) else {
        return reply(to: id, requestID, try statusReport(params.agent))
      }
      try control.requireRoom(on: id)
      control.park(.init(connection: id, id: requestID, condition: .status(params, wait)))
    case .up: try act(.up, message, line, requestID, id)
    case .down: try act(.down, message, line, requestID, id)
    case .restart: try act(.restart, message, line, requestID, id)
    case .signal:
      let params = try JSON.decodeParams(SignalParams.self, of: message, in: line)
      reply(to: id, requestID, try signal(params, askedBy: id))
    case .hold:
      let params = try JSON.decodeParams(HoldParams.self, of: message, in: line)
      reply(to: id, requestID, try hold(params, askedBy: id))
    case .events:
      try follow(
        try JSON.decodeParams(EventsParams.self, of: message, in: line), requestID, on: id)
    case .why:
      let params = try JSON.decodeParams(WhyParams.self, of: message, in: line)
      reply(to: id, requestID, try whyReport(params.name))
    case .logs:
      let params = try JSON.decodeParams(LogsParams.self, of: message, in: line)
      reply(to: id, requestID, try logsReport(params.names))
    case .reload:
      let params = try JSON.decodeParams(ReloadParams.self, of: message, in: line)
      reply(to: id, requestID, reload(isPlan: params.plan, askedBy: peer(id)))
    case .health: reply(to: id, requestID, healthReport())
    case .call: try call(message, in: line, requestID, askedBy: id)
    case .shutdown:
      reply(to: id, requestID, ShutdownReport(pid: options.pid, keeperPID: options.keeperPid))
      stopAll("asked for over the control socket", askedBy: peer(id))
    case .upgrade:
      let params = try JSON.decodeParams(UpgradeParams.self, of: message, in: line)
      try handOver(to: params.binary, askedBy: id)
      reply(to: id, requestID, UpgradeReport(pid: options.pid))
    case .chaosFacts: reply(to: id, requestID, try chaosFacts())
    case .chaosDisturb:
      let params = try JSON.decodeParams(ChaosDisturbParams.self, of: message, in: line)
      try disturb(params, askedBy: id)
      reply(to: id, requestID, NoParams())
    case .chaosCalm:
      try calmDown()
      reply(to: id, requestID, NoParams())
    }
  }

  func peer(_ id: ConnectionID) -> StoryEvent.Peer? {
    control.connections[id].map { StoryEvent.Peer(pid: $0.peer.process, user: $0.peer.user) }
  }

  // MARK: Names

  /// The nodes that a name stands for: a supervisor, an instance, or all instances of an agent.
  func nodes(named name: String) throws(RPCError) -> [NodeID] {
    if let id = tree.id(named: name), id != .root { return [id] }
    let instances = configuration.agents.filter { $0.agent == name }
      .compactMap { tree.id(named: $0.specification.name) }
    guard instances.isEmpty else { return instances }
    let known = tree.children.map { tree.name(of: $0) } + configuration.agents.map(\.agent)
    let nearest = nearestName(to: name, among: known)
    throw RPCError(
      .noSuchAgent,
      "there is no agent or supervisor '\(name)'"
        + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
  }

  /// Each name once: a message has room for one name 100,000 times.
  func distinct(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// The nodes that several names stand for, each once.
  func nodes(namedBy names: [String]) throws(RPCError) -> [NodeID] {
    guard !names.isEmpty else {
      throw .invalidParameters("'names' must name at least one agent or supervisor")
    }
    var seen: Set<NodeID> = []
    var found: [NodeID] = []
    for name in distinct(names) {
      for node in try nodes(named: name) where seen.insert(node).inserted { found.append(node) }
    }
    return found
  }

  // MARK: Actions

  private func act(
    _ request: Request, _ message: Message, _ line: Span<UInt8>, _ requestID: [UInt8],
    _ id: ConnectionID
  ) throws(RPCError) {
    let params = try JSON.decodeParams(NamesParams.self, of: message, in: line)
    let found = try nodes(namedBy: params.names)
    // A request that is refused must not have done anything.
    try control.requireRoom(on: id)
    var targets: [ActionTarget] = []
    for node in found {
      let refusal = tree.refusal(of: request, on: node)
      let status = tree.status(of: node)
      targets.append(
        ActionTarget(
          node: node, incarnation: status.incarnation, hadFailed: status.phase == .failed,
          refusal: refusal))
      guard refusal == nil else { continue }
      audit("control.\(request.rawValue)", node, askedBy: id)
      feed(.request(request, node))
    }
    control.park(.init(connection: id, id: requestID, condition: .action(request, targets)))
  }

  private func audit(_ kind: String, _ node: NodeID, askedBy id: ConnectionID) {
    let status = tree.status(of: node)
    let event = StoryEvent(
      kind, status.isSupervisor ? .supervisor : .agent, name: status.name,
      reason: "asked for over the control socket")
    announce(event) {
      $0.incarnation = status.incarnation
      $0.peer = peer(id)
    }
  }

  private func signal(
    _ params: SignalParams, askedBy id: ConnectionID
  ) throws(RPCError) -> ActionReport {
    let text =
      switch params.signal {
      case .name(let name): name
      case .number(let number): String(number)
      }
    guard let signal = Signal(named: text) else {
      throw .invalidParameters("there is no signal '\(text)'; see signal(7)")
    }
    var seen: Set<NodeID> = []
    var agents: [NodeID] = []
    for node in try nodes(namedBy: params.names) {
      agents += agentNodes(below: node).filter { seen.insert($0).inserted }
    }
    return ActionReport(results: agents.map { send(signal, to: $0, askedBy: id) })
  }

  private func send(
    _ signal: Signal, to node: NodeID, askedBy id: ConnectionID
  ) -> ActionReport.Result {
    let name = tree.name(of: node)
    guard let process = agents[node.index]?.process, process.isAlive else {
      return .init(name: name, ok: false, reason: "it has no process")
    }
    audit("control.signal", node, askedBy: id)
    kernel.signal(ProcessKey(node: node, incarnation: process.incarnation), signal)
    return .init(name: name, ok: true, reason: "sent \(signal) to pid \(process.pid)")
  }

  /// The agents among a node and everything below it.
  func agentNodes(below node: NodeID) -> [NodeID] {
    if !tree.status(of: node).isSupervisor { return [node] }
    var found: [NodeID] = []
    var open = [node]
    while let next = open.popLast() {
      for name in tree.supervisorStatus(of: next, now: kernel.now).children.reversed() {
        guard let child = tree.id(named: name) else { continue }
        if tree.status(of: child).isSupervisor { open.append(child) } else { found.append(child) }
      }
    }
    return found.sorted()
  }

  // MARK: Events

  private func follow(
    _ params: EventsParams, _ requestID: [UInt8], on id: ConnectionID
  ) throws(RPCError) {
    let names = try params.agent.map { (name) throws(RPCError) in
      // What is told of an agent as a whole bears its own name.
      Set(try nodes(named: name).map { tree.name(of: $0) } + [name])
    }
    let entries = events.entries(since: params.since ?? events.oldestSequence - 1)
      .filter { names?.contains($0.name) != false }
    var result = Array(#"{"events":["#.utf8)
    for (index, entry) in entries.enumerated() {
      if index > 0 { result.append(UInt8(ascii: ",")) }
      result += entry.json
    }
    result += Array(
      #"],"next_seq":\#(events.nextSequence),"oldest_seq":\#(events.oldestSequence)}"#.utf8)
    var bytes: [UInt8] = []
    MessageWriter.appendResult(
      id: requestID.span, encodedResult: result.span, to: &bytes)
    if !kernel.send(bytes, to: id) {
      return disconnect(id, because: "it does not read its answers")
    }
    if params.follow, let connection = control.connections[id] {
      connection.follows = true
      connection.followedNames = names
    }
  }

  // MARK: Requests that wait

  func answerWaiting() {
    guard !control.waiting.isEmpty else { return }
    var still: [ControlHub.Waiting] = []
    let waiting = control.waiting
    control.waiting = []
    // Looked at once, not once for each request.
    let held = Set(state == .stopping ? StatusWait.allCases : StatusWait.allCases.filter(holds))
    for request in waiting where !answer(request, held) { still.append(request) }
    // Those that do not read their answers are gone by now, with all that they have asked.
    control.waiting += still.filter { control.connections[$0.connection] != nil }
  }

  private func answer(_ request: ControlHub.Waiting, _ held: Set<StatusWait>) -> Bool {
    switch request.condition {
    case .status(let params, let wait):
      guard held.contains(wait) else { return false }
      do {
        reply(to: request.connection, request.id, try statusReport(params.agent))
      } catch {
        reply(to: request.connection, request.id, failure: error)
      }
    case .action(let action, let targets):
      guard targets.allSatisfy({ isOver(action, $0) }) else { return false }
      reply(
        to: request.connection, request.id,
        ActionReport(results: targets.map { result(action, $0) }))
    }
    control.connections[request.connection]?.waitingCount -= 1
    return true
  }

  private func isOver(_ action: Request, _ target: ActionTarget) -> Bool {
    if target.refusal != nil { return true }
    let status = tree.status(of: target.node)
    let isAnew = status.incarnation > target.incarnation
    switch (action, status.phase) {
    case (.down, .stopped), (.down, .exited), (.down, .failed): return true
    // Somebody else wants the opposite.
    case (.down, .waiting), (.down, .starting), (.down, .running), (.down, .backoff),
      (.down, .stopping):
      return status.wish == .up
    case (.up, .running): return true
    case (.restart, .running): return isAnew
    // A failure from before waits with the request for a supervisor that is busy.
    case (.up, .failed), (.restart, .failed):
      return isAnew || !target.hadFailed || isLeftDown(status)
    case (.up, .exited), (.restart, .exited): return isAnew || isLeftDown(status)
    case (.up, .stopped), (.restart, .stopped): return isLeftDown(status)
    case (.up, .waiting), (.up, .starting), (.up, .backoff), (.up, .stopping),
      (.restart, .waiting), (.restart, .starting), (.restart, .backoff), (.restart, .stopping):
      return false
    }
  }

  /// Whether nothing is going to start a child that is down: somebody wants it so, a reload has put
  /// another in its place, or its supervisor is down itself.
  private func isLeftDown(_ child: ChildStatus) -> Bool {
    guard tree.id(named: child.name) == child.id else { return true }
    var status = child
    while state != .stopping, status.wish == .up {
      guard let parent = tree.id(named: status.parent), parent != .root else { return false }
      status = tree.status(of: parent)
      switch (status.phase, status.reason) {
      case (.failed, _), (.exited, _), (.stopped, .temporaryDropped): return true
      case (.stopped, _), (.waiting, _), (.starting, _), (.running, _), (.backoff, _),
        (.stopping, _):
        break
      }
    }
    return true
  }

  private func result(_ action: Request, _ target: ActionTarget) -> ActionReport.Result {
    let status = tree.status(of: target.node)
    let ok =
      switch (target.refusal, action, status.phase) {
      case (.some, _, _): false
      case (nil, .down, .stopped), (nil, .down, .exited), (nil, .down, .failed):
        status.wish == .down
      case (nil, .up, .running), (nil, .restart, .running): true
      case (nil, .up, .exited), (nil, .restart, .exited): status.lastExit?.exitClass == .normal
      case (nil, _, _): false
      }
    return .init(
      name: status.name, ok: ok, phase: status.phase.rawValue,
      reason: target.refusal ?? status.reason.description)
  }
}
