import SupervConfig
import SupervProtocol
import SupervisionTree

// The beginning of calls and casts: who is called, whether that is allowed, and on its way.

extension Daemon {
  /// - Parameter message: is only read.
  func call(
    _ message: inout Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {
    // Nobody could get its answer.
    guard let id = message.id else { return }
    let params = try CallParams(of: &message, in: line)
    do {
      try begin(params, callerID: line.extracting(id), by: session.asker, in: line)
    } catch {
      tellRefusal(error, of: session.process)
      throw error
    }
  }

  func cast(
    _ message: inout Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {
    let params = try CallParams(of: &message, in: line)
    do {
      try cast(params, by: session.asker, in: line)
    } catch {
      tellRefusal(error, of: session.process)
      throw error
    }
  }

  /// Hands a call to an instance of its callee. From then on it ends exactly once.
  ///
  /// - Throws: `RPCError` when it is refused, which is counted.
  func begin(
    _ params: CallParams, callerID: Span<UInt8>, by asker: Asker, in line: Span<UInt8>
  ) throws(RPCError) {
    guard let timeout = params.timeoutMilliseconds else {
      throw .invalidParameters("'timeout_ms' is missing")
    }
    let route = try route(to: line.extracting(params.to), for: asker)
    let agent = calls.routes[route].agent
    guard calls.table.waitingCount(asker.number) < Asker.maximumWaiting,
      calls.table.count < CallTable.maximumCount
    else {
      throw refused(
        .overloaded, agent, "\(Asker.maximumWaiting) calls wait on this connection already")
    }
    let now = eventTime
    let given = params.trace.flatMap { TraceParent($0, in: line) }
    let outer = given.flatMap { outerCall($0, of: asker) }
    let depth = 1 + (outer?.depth ?? 0)
    guard depth <= CallHub.maximumDepth else {
      throw refused(.cycle, agent, "a chain may have \(CallHub.maximumDepth) calls at most")
    }
    var deadline = MonotonicTime(nanoseconds: now.nanoseconds + timeout * 1_000_000)
    if let outer { deadline = min(deadline, outer.deadline) }
    guard deadline > now else {
      throw refused(.timeout, agent, "the time of the call that this one is part of is over")
    }
    let chain = Chain(caller: asker.node, outer: outer?.id)
    let (callee, connection) = try choose(from: route, for: chain, at: now)
    let queueLength = calls.agents[agent].settings.queueLength
    guard calls.table.handsCount(callee) < queueLength else {
      throw refused(
        .overloaded, agent,
        "\(calls.name(of: callee)) has \(queueLength) calls in its hands already")
    }
    let (epoch, transition) = calls.peers[callee.index].breaker.begin(at: now)
    let id = calls.table.add(
      Call(
        by: asker, callee: callee, connection: connection, outer: outer?.id, depth: depth,
        breakerEpoch: epoch, startedAt: now, deadline: deadline),
      callerID: callerID)
    let left = deadline.milliseconds(after: now)
    guard hand(over: params, (id, left), id, given, asker, to: connection, in: line) else {
      calls.table.remove(id)
      _ = calls.peers[callee.index].breaker.end(.none, epoch: epoch, at: now)
      throw refused(.overloaded, agent, "\(calls.name(of: callee)) does not read what it is sent")
    }
    calls.begunCount &+= 1
    if let transition { tell(transition, of: callee) }
  }

  private func cast(
    _ params: CallParams, by asker: Asker, in line: Span<UInt8>
  ) throws(RPCError) {
    let route = try route(to: line.extracting(params.to), for: asker)
    let agent = calls.routes[route].agent
    let (callee, connection) = try choose(from: route, for: nil, at: eventTime)
    let given = params.trace.flatMap { TraceParent($0, in: line) }
    let span = calls.table.idForCast()
    guard hand(over: params, nil, span, given, asker, to: connection, in: line) else {
      throw refused(.overloaded, agent, "\(calls.name(of: callee)) does not read what it is sent")
    }
    calls.agents[agent].metrics.casts &+= 1
  }

  /// Puts a `handle` into the callee's queue.
  ///
  /// - Returns: false when it is full.
  private func hand(
    over params: CallParams, _ call: (id: CallID, deadlineMilliseconds: Int64)?, _ span: CallID,
    _ given: TraceParent?, _ asker: Asker, to connection: ConnectionID, in line: Span<UInt8>
  ) -> Bool {
    var trace = given ?? calls.newTrace()
    trace.parentID = span.rawValue
    let message = HandleMessage(call: call, params: params, trace: trace)
    return kernel.send(to: connection, maximumBytes: message.maximumBytes(by: asker)) { output in
      message.append(to: &output, by: asker, from: line)
    }
  }

  // MARK: Who is called

  /// The place of what a name stands for, to somebody who may call it.
  func route(to name: Span<UInt8>, for asker: Asker) throws(RPCError) -> Int {
    guard let route = calls.route(to: name) else {
      let name = text(of: name.indices, in: name)
      let nearest = nearestName(to: name, among: calls.knownNames)
      throw RPCError(
        .noSuchAgent,
        "there is no agent '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }
    let agent = calls.routes[route].agent
    if let caller = asker.node, !calls.accepts(caller, at: agent) {
      throw refused(
        .denied, agent, "\(calls.agents[agent].name) takes no calls from \(asker.name)")
    }
    guard !isStopAnnounced else { throw refused(.unavailable, agent, "superv stops") }
    return route
  }

  /// The instance that gets it, and its connection.
  ///
  /// - Parameter chain: nil for a cast, for which nobody waits: neither in a circle nor to learn
  ///   whether it has failed.
  private func choose(
    from route: Int, for chain: Chain?, at now: MonotonicTime
  ) throws(RPCError) -> (NodeID, ConnectionID) {
    if let only = calls.routes[route].only {
      if let connection = connection(of: only, for: chain, at: now) {
        return (only, connection)
      }
    } else {
      let agent = calls.routes[route].agent
      var turn = calls.agents[agent].turn
      let chosen = calls.routes[route].choose(
        inTurn: &turn,
        by: { calls.table.handsCount($0) },
        where: { connection(of: $0, for: chain, at: now) != nil })
      calls.agents[agent].turn = turn
      if let chosen, let connection = connection(of: chosen) { return (chosen, connection) }
    }
    throw unreachable(route, chain, at: now)
  }

  /// Where this call to an instance would go; nil where it may not be made.
  private func connection(
    of node: NodeID, for chain: Chain?, at now: MonotonicTime
  ) -> ConnectionID? {
    guard let connection = connection(of: node) else { return nil }
    guard let chain else { return connection }
    let mayBe = !isIn(chain, node) && refusal(of: node, at: now) == nil
    return mayBe ? connection : nil
  }

  /// Why no instance can be called.
  private func unreachable(_ route: Int, _ chain: Chain?, at now: MonotonicTime) -> RPCError {
    let (agent, nodes) = (calls.routes[route].agent, calls.routes[route].peers)
    let name = calls.agents[agent].name
    guard let chain else { return refused(.notReady, agent, notReadyText(nodes, of: name)) }
    let others = nodes.filter { !isIn(chain, $0) }
    if others.isEmpty {
      return refused(.cycle, agent, "\(name) waits for the answer to this chain of calls")
    }
    let refusals = others.compactMap { refusal(of: $0, at: now) }
    if !refusals.isEmpty {
      return refused(
        .circuitOpen, agent, "calls to \(name) have failed too often",
        retryAfter: refusals.compactMap(\.retryAfter).min())
    }
    return refused(.notReady, agent, notReadyText(nodes, of: name))
  }

  private func refusal(of node: NodeID, at now: MonotonicTime) -> CircuitBreaker.Refusal? {
    calls.peers[node.index].breaker.refusal(at: now)
  }

  /// Where calls to an instance go that is ready and serves.
  private func connection(of node: NodeID) -> ConnectionID? {
    // Both only grow.
    let state = calls.treeState &+ sessions.servingState
    let reach = calls.peers[node.index].reach
    if reach.state == state { return reach.connection }
    let connection = tree.isReady(node) ? sessions.serving(node)?.id : nil
    calls.peers[node.index].reach = (state, connection)
    return connection
  }

  private func notReadyText(_ nodes: [NodeID], of agent: String) -> String {
    guard nodes.count == 1, let node = nodes.first else {
      return "no instance of \(agent) is ready and serves"
    }
    let name = calls.name(of: node)
    return tree.isReady(node)
      ? "\(name) is ready, but has said no hello that serves" : "\(name) is not ready"
  }

  // MARK: Chains

  /// The call that a trace names, if it is in the hands of the very instance that brings it.
  private func outerCall(_ trace: TraceParent, of asker: Asker) -> OuterCall? {
    let id = CallID(rawValue: trace.parentID)
    guard let node = asker.node, let call = calls.table[id], call.callee == node else {
      return nil
    }
    return OuterCall(id: id, depth: call.depth, deadline: call.deadline)
  }

  /// Whether an instance makes this call, or one of those that led to it, or has one in its hands.
  private func isIn(_ chain: Chain, _ node: NodeID) -> Bool {
    if chain.caller == node { return true }
    var next = chain.outer
    // No longer than `maximumDepth`; where a call has ended nobody above it waits any more.
    while let id = next, let call = calls.table[id] {
      if call.callee == node || call.caller == node { return true }
      next = call.outer
    }
    return false
  }
}

/// Those who wait for a call that is to be made: plain data, as it is passed along for each.
private struct Chain {
  /// Nil for an operator.
  var caller: NodeID?
  var outer: CallID?
}

/// The call in whose handling another one is made, as far as that one has to know it.
private struct OuterCall {
  var id: CallID
  var depth: Int
  var deadline: MonotonicTime
}

extension MonotonicTime {
  /// Rounded up: what is said to be left must not be over before superv says so.
  func milliseconds(after earlier: MonotonicTime) -> Int64 {
    (nanoseconds - earlier.nanoseconds + 999_999) / 1_000_000
  }
}
