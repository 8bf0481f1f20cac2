import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// The methods `chaos.…` of the control socket. A tree that has not said `chaos = yes` refuses all
// of them, and an agent that has said `chaos = no` what would hit it.

extension Daemon {
  /// The longest that a fault may last.
  private static var longestFaultMilliseconds: Int64 { 600_000 }
  /// A hog takes at most this part of what an agent may have, so that it stays within the limits.
  private static var hogShare: Int64 { 4 }

  private func requireChaos() throws(RPCError) {
    guard configuration.settings.allowsChaos else {
      throw RPCError(
        .denied,
        "this tree has not agreed to chaos: say `chaos = yes` in [superv] of "
          + "\(options.configurationPath), then superv reload")
    }
  }

  func chaosFacts() throws(RPCError) -> ChaosFacts {
    try requireChaos()
    let settings = configuration.settings
    let facts = tree.children.compactMap { node -> ChaosFacts.Agent? in
      guard agents.indices.contains(node.index), let slot = agents[node.index] else { return nil }
      let process = slot.process.flatMap { $0.isAlive ? $0 : nil }
      return ChaosFacts.Agent(
        name: tree.name(of: node), allowed: slot.definition.allowsChaos,
        detaches: slot.definition.detachIsAllowed, pid: process?.pid,
        incarnation: Int(clamping: tree.status(of: node).incarnation),
        outputInode: process?.facts.outputInodes.first)
    }
    let names = chaos.disturbances.map { "\($0.value.fault.rawValue) \(tree.name(of: $0.key))" }
    let hogs = chaos.hogs.values.map { "\($0.fault.rawValue) \(tree.name(of: $0.process.node))" }
    return ChaosFacts(
      configuration: options.configurationPath, stateDirectory: settings.stateDirectory,
      agentSocket: settings.agentSocket, intensity: configuration.tree.intensity.limit,
      periodSeconds: configuration.tree.intensity.period.inSeconds, agents: facts,
      calls: .init(
        begun: calls.begunCount, ended: calls.endedCount, inFlight: UInt64(calls.table.count)),
      helpers: kernel.probePids,
      faults: (names + hogs + (chaos.clock == nil ? [] : ["clock"])).sorted())
  }

  func disturb(_ params: ChaosDisturbParams, askedBy id: ConnectionID) throws(RPCError) {
    try requireChaos()
    guard (1...Self.longestFaultMilliseconds).contains(params.forMilliseconds) else {
      throw .invalidParameters("'for_ms' is 1 to \(Self.longestFaultMilliseconds)")
    }
    let until = kernel.now + .milliseconds(params.forMilliseconds)
    switch params.fault {
    case .clock:
      chaos.clock = (.milliseconds(params.amount ?? 0), until)
      tell(StoryEvent("chaos.disturbed", .daemon, reason: words(params))) { $0.peer = peer(id) }
    case .drop, .delay, .duplicate:
      let node = try target(params)
      chaos.disturbances[node] = .init(
        fault: params.fault, until: until, delay: .milliseconds(max(0, params.amount ?? 0)))
      tellDisturbed(node, params, id)
    case .cpu, .memory:
      let node = try target(params)
      try startHog(of: node, params, until: until)
      tellDisturbed(node, params, id)
    }
    setChaosTimer()
  }

  func calmDown() throws(RPCError) {
    try requireChaos()
    endChaos()
  }

  private func target(_ params: ChaosDisturbParams) throws(RPCError) -> NodeID {
    guard let name = params.agent else { throw .invalidParameters("'agent' is missing") }
    guard let node = try nodes(named: name).first, agents.indices.contains(node.index),
      let slot = agents[node.index]
    else { throw .invalidParameters("'\(name)' is no instance of an agent") }
    guard slot.definition.allowsChaos else {
      throw RPCError(.denied, "\(name) has not agreed to chaos (`chaos = no`)")
    }
    return node
  }

  private func tellDisturbed(_ node: NodeID, _ params: ChaosDisturbParams, _ id: ConnectionID) {
    tell(StoryEvent("chaos.disturbed", .agent, name: tree.name(of: node), reason: words(params))) {
      $0.peer = peer(id)
    }
  }

  private func words(_ params: ChaosDisturbParams) -> String {
    "\(params.fault.rawValue) for \(Duration.milliseconds(params.forMilliseconds).brief)"
  }

  /// Started as a probe is: with the agent's folder, user, sandbox and limits, in its control
  /// group.
  private func startHog(
    of node: NodeID, _ params: ChaosDisturbParams, until: MonotonicTime
  ) throws(RPCError) {
    guard let slot = agents[node.index], let process = slot.process, process.isAlive else {
      throw .invalidParameters("\(tree.name(of: node)) has no process")
    }
    let limits = slot.definition.treeLimits
    let most = [limits.memoryHighBytes, limits.memoryMaximumBytes].compactMap(\.self).min()
      .map { $0 / Self.hogShare }
    let bytes = min(params.amount ?? 0, most ?? .max)
    let command = [
      "/proc/self/exe", "chaos-hog", params.fault.rawValue, "\(params.forMilliseconds)",
      "\(bytes)",
    ]
    let key = ProcessKey(node: node, incarnation: process.incarnation)
    do {
      let probe = chaos.nextHog()
      kernel.startProbe(probe, .command(command), as: try launch(key, slot))
      chaos.hogs[probe] = .init(process: key, fault: params.fault, until: until)
    } catch {
      throw RPCError.internalError(error.description)
    }
  }
}
