import SupervConfig
import SupervProtocol
import SupervisionTree

// The beginning of calls and casts: who is called, whether that is allowed, and on its way.

extension Daemon {
  func call(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {
    // Nobody could get its answer.
    guard let id = message.id else { return }
    let params = try CallParams(of: message, in: line)
    do {
      try begin(params, callerID: line.extracting(id), by: session.asker, in: line)
    } catch {
      tellRefusal(error, of: session.process)
      throw error
    }
  }

  func cast(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {
    let params = try CallParams(of: message, in: line)
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
    let agent = route.agent
    guard calls.table.waitingCount(asker.number) < Asker.maximumWaiting,
      calls.table.count < CallTable.maximumCount
    else {
      throw refused(
        .overloaded, agent, "\(Asker.maximumWaiting) calls wait on this connection already")
    }
    let now = eventTime
    let given = params.trace.flatMap { TraceParent($0, in: line) }
    let outer = given.flatMap { outerCall($0, of: asker) }
    let depth = 1 + (outer?.call.depth ?? 0)
    guard depth <= CallHub.maximumDepth else {
      throw refused(.cycle, agent, "a chain may have \(CallHub.maximumDepth) calls at most")
    }
    var deadline = MonotonicTime(nanoseconds: now.nanoseconds + timeout * 1_000_000)
    if let outer { deadline = min(deadline, outer.call.deadline) }
    guard deadline > now else {
      throw refused(.timeout, agent, "the time of the call that this one is part of is over")
    }
    let (peer, connection) = try choose(from: route, isCallBy: asker, outer?.id, at: now)
    guard calls.table.handsCount(peer.node) < agent.settings.queueLength else {
      throw refused(
        .overloaded, agent,
        "\(peer.name) has \(agent.settings.queueLength) calls in its hands already")
    }
    let (epoch, transition) = peer.breaker.begin(at: now)
    let id = calls.table.add(
      Call(
        by: asker, callee: peer.node, connection: connection, outer: outer?.id, depth: depth,
        breakerEpoch: epoch, startedAt: now, deadline: deadline),
      callerID: callerID)
    let left = deadline.milliseconds(after: now)
    guard hand(over: params, (id, left), id, given, asker, to: connection, in: line) else {
      calls.table.remove(id)
      _ = peer.breaker.end(.none, epoch: epoch, at: now)
      throw refused(.overloaded, agent, "\(peer.name) does not read what it is sent")
    }
    if let transition { tell(transition, of: peer) }
  }

  private func cast(
    _ params: CallParams, by asker: Asker, in line: Span<UInt8>
  ) throws(RPCError) {
    let route = try route(to: line.extracting(params.to), for: asker)
    let (peer, connection) = try choose(from: route, isCallBy: nil, nil, at: eventTime)
    let given = params.trace.flatMap { TraceParent($0, in: line) }
    let span = calls.table.idForCast()
    guard hand(over: params, nil, span, given, asker, to: connection, in: line) else {
      throw refused(.overloaded, route.agent, "\(peer.name) does not read what it is sent")
    }
    route.agent.metrics.casts &+= 1
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
    let message = HandleMessage(
      call: call, head: asker.handleHead, params: params, trace: trace)
    return kernel.send(to: connection, maximumBytes: message.maximumBytes) { output in
      message.append(to: &output, from: line)
    }
  }

  // MARK: Who is called

  /// What a name stands for, to somebody who may call it.
  func route(to name: Span<UInt8>, for asker: Asker) throws(RPCError) -> CallRoute {
    guard let route = calls.route(to: name) else {
      let name = text(of: name.indices, in: name)
      let known = calls.agents.flatMap { [$0.name] + $0.peers.map(\.name) }
      let nearest = nearestName(to: name, among: known)
      throw RPCError(
        .noSuchAgent,
        "there is no agent '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }
    if let peer = asker.peer, !route.agent.accepts(peer) {
      throw refused(.denied, route.agent, "\(route.agent.name) takes no calls from \(peer.name)")
    }
    guard !isStopAnnounced else { throw refused(.unavailable, route.agent, "superv stops") }
    return route
  }

  /// The instance that gets it, and its connection.
  ///
  /// - Parameter caller: nil for a cast, for which nobody waits: neither in a circle nor to learn
  ///   whether it has failed.
  private func choose(
    from route: CallRoute, isCallBy caller: Asker?, _ outer: CallID?, at now: MonotonicTime
  ) throws(RPCError) -> (CallPeer, ConnectionID) {
    let chosen = route.choose(
      by: { calls.table.handsCount($0) },
      where: { peer in
        guard connection(of: peer) != nil else { return false }
        guard let caller else { return true }
        return !isInChain(peer, caller, outer) && peer.breaker.refusal(at: now) == nil
      })
    if let chosen, let connection = connection(of: chosen) { return (chosen, connection) }
    guard let caller else { throw refused(.notReady, route.agent, notReadyText(route)) }
    let others = route.peers.filter { !isInChain($0, caller, outer) }
    if others.isEmpty {
      throw refused(
        .cycle, route.agent, "\(route.agent.name) waits for the answer to this chain of calls")
    }
    let refusals = others.compactMap { $0.breaker.refusal(at: now) }
    if !refusals.isEmpty {
      throw refused(
        .circuitOpen, route.agent, "calls to \(route.agent.name) have failed too often",
        retryAfter: refusals.compactMap(\.retryAfter).min())
    }
    throw refused(.notReady, route.agent, notReadyText(route))
  }

  /// Where calls to an instance go that is ready and serves.
  private func connection(of peer: CallPeer) -> ConnectionID? {
    // Both only grow.
    let state = calls.treeState &+ sessions.servingState
    if peer.reach.state != state {
      peer.reach = (state, tree.isReady(peer.node) ? sessions.serving(peer.node)?.id : nil)
    }
    return peer.reach.connection
  }

  private func notReadyText(_ route: CallRoute) -> String {
    guard route.peers.count == 1, let peer = route.peers.first else {
      return "no instance of \(route.agent.name) is ready and serves"
    }
    return tree.isReady(peer.node)
      ? "\(peer.name) is ready, but has said no hello that serves" : "\(peer.name) is not ready"
  }

  // MARK: Chains

  /// The call that a trace names, if it is in the hands of the very instance that brings it.
  private func outerCall(_ trace: TraceParent, of asker: Asker) -> (id: CallID, call: Call)? {
    let id = CallID(rawValue: trace.parentID)
    guard let peer = asker.peer, let call = calls.table[id], call.callee == peer.node else {
      return nil
    }
    return (id, call)
  }

  /// Whether an instance makes this call, or one of those that led to it, or has one in its hands.
  private func isInChain(_ peer: CallPeer, _ caller: Asker, _ outer: CallID?) -> Bool {
    if caller.peer === peer { return true }
    var next = outer
    // No longer than `maximumDepth`; where a call has ended nobody above it waits any more.
    while let id = next, let call = calls.table[id] {
      if call.callee == peer.node || call.caller == peer.node { return true }
      next = call.outer
    }
    return false
  }
}

extension MonotonicTime {
  /// Rounded up: what is said to be left must not be over before superv says so.
  func milliseconds(after earlier: MonotonicTime) -> Int64 {
    (nanoseconds - earlier.nanoseconds + 999_999) / 1_000_000
  }
}
