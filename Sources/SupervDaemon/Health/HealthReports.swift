import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// What people see of an agent's health, and what they do about it.

extension Daemon {
  func addHealth(of node: NodeID, _ process: AgentProcess?, to report: inout AgentStatus) {
    report.held = health.heldNames.contains(report.name)
    report.readyAt = process?.facts.readyRealTimeNanoseconds.map { RFC3339.text(nanoseconds: $0) }
    guard let process,
      let record = health.record(of: ProcessKey(node: node, incarnation: process.incarnation))
    else { return }
    if case .notReady(let reason) = record.health.word { report.notReadyReason = reason }
    report.statusText = record.statusText
    report.mainPID = record.mainPid
    report.progress = record.health.watch.progress
    report.operations = record.health.watch.operations.map { operation in
      OperationStatus(
        op: operation.name, kind: operation.kind,
        sinceSeconds: (kernel.now - operation.since).inSeconds)
    }
    report.probes = record.health.probes.map(ProbeStatus.init)
  }

  // MARK: hold

  /// Nothing is asked of held agents, whatever they do, until they are released.
  func hold(_ params: HoldParams, askedBy id: ConnectionID) throws(RPCError) -> ActionReport {
    var seen: Set<NodeID> = []
    var chosen: [NodeID] = []
    for node in try nodes(namedBy: params.names) {
      chosen += agentNodes(below: node).filter { seen.insert($0).inserted }
    }
    return ActionReport(results: chosen.map { hold($0, params.on, askedBy: id) })
  }

  private func hold(
    _ node: NodeID, _ on: Bool, askedBy id: ConnectionID
  ) -> ActionReport.Result {
    let name = tree.name(of: node)
    let phase = tree.publicPhase(of: node).rawValue
    guard health.heldNames.contains(name) != on else {
      let reason = on ? "it was held already" : "it was not held"
      return .init(name: name, ok: true, phase: phase, reason: reason)
    }
    if on { health.heldNames.insert(name) } else { health.heldNames.remove(name) }
    let incarnation = agents[node.index]?.process?.incarnation ?? 0
    let event = StoryEvent(
      on ? "agent.held" : "agent.released", .agent, name: name,
      reason: "asked for over the control socket")
    announce(event) {
      $0.incarnation = incarnation
      $0.peer = peer(id)
    }
    write(.held(health.heldNames.sorted()))
    holdHealth(of: ProcessKey(node: node, incarnation: incarnation), on)
    return .init(name: name, ok: true, phase: phase, reason: on ? "held" : "released")
  }
}

extension ProbeStatus {
  fileprivate init(_ probe: AgentHealth.Probe) {
    let role: Role =
      switch probe.role {
      case .startup: .startup
      case .liveness: .liveness
      case .readiness: .readiness
      }
    let state: State =
      switch probe.machine.state {
      case .waiting: .waiting
      case .passing: .passing
      case .failing: .failing
      }
    self.init(
      role: role, kind: probe.kind.word, state: state, failures: probe.machine.failures,
      last: probe.machine.detail)
  }
}

extension ProbeKind {
  /// As the configuration calls it.
  fileprivate var word: String {
    switch self {
    case .ping: "ping"
    case .command: "command"
    case .http: "http"
    case .tcp: "tcp"
    case .unix: "unix"
    case .watchdog: "watchdog"
    }
  }
}
