import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// What the daemon answers when it is asked how things are.

extension Daemon {
  /// - Parameter name: nil for everything.
  func statusReport(_ name: String?) throws(RPCError) -> StatusReport {
    let chosen: Set<NodeID>?
    if let name {
      let roots = try nodes(named: name)
      chosen = Set(roots.flatMap { agentNodes(below: $0) } + roots)
    } else {
      chosen = nil
    }
    var agentReports: [AgentStatus] = []
    var supervisorReports: [SupervProtocol.SupervisorStatus] = []
    let orphans = orphansByNode()
    for node in tree.children where chosen?.contains(node) != false {
      if let slot = agents.indices.contains(node.index) ? agents[node.index] : nil {
        var status = report(node, slot)
        status.orphans = orphans[node] ?? []
        status.limits = limitStatus(of: slot.definition)
        agentReports.append(status)
      } else if tree.isSupervisor(node) {
        supervisorReports.append(report(supervisor: node))
      }
    }
    let uptime = kernel.now - startedAt
    var daemon = DaemonStatus(
      pid: options.pid, keeperPID: options.keeperPid, uptimeSeconds: uptime.inSeconds,
      state: state)
    daemon.cgroups = ControlGroupsStatus(kernel.controlGroups)
    return StatusReport(
      daemon: daemon,
      agents: agentReports, supervisors: supervisorReports)
  }

  private func report(_ node: NodeID, _ slot: AgentSlot) -> AgentStatus {
    let status = tree.status(of: node)
    let process = slot.process.flatMap { $0.isAlive ? $0 : nil }
    let peer = calls.peer(node)
    var report = AgentStatus(
      name: status.name, agent: slot.definition.agent, instance: slot.definition.instance,
      supervisor: status.parent, desired: status.wish == .up ? .up : .down,
      phase: status.phase.rawValue, ready: status.isReady, alive: process != nil,
      pid: process?.pid, incarnation: Int(clamping: status.incarnation),
      restarts: status.restarts,
      uptimeSeconds: process.map { (kernel.now - $0.startedAt).inSeconds },
      startedAt: process.map { RFC3339.text(nanoseconds: $0.facts.startedRealTimeNanoseconds) },
      exit: status.lastExit.map(ExitReport.init), reason: status.reason.description,
      breaker: (peer?.breaker.state(at: kernel.now) ?? .closed).rawValue,
      callsInFlight: calls.table.handsCount(node))
    addHealth(of: node, process, to: &report)
    return report
  }

  private func report(supervisor node: NodeID) -> SupervProtocol.SupervisorStatus {
    let status = tree.status(of: node)
    let facts = tree.supervisorStatus(of: node, now: kernel.now)
    return SupervProtocol.SupervisorStatus(
      name: status.name, parent: status.parent, strategy: facts.strategy.rawValue,
      desired: status.wish == .up ? .up : .down, phase: status.phase.rawValue,
      restartsInPeriod: facts.restartsInPeriod, intensity: facts.intensity.limit,
      periodSeconds: facts.intensity.period.inSeconds, children: facts.children,
      reason: status.reason.description)
  }

  func whyReport(_ name: String) throws(RPCError) -> WhyReport {
    let found = try nodes(named: name)
    guard let node = found.first, found.count == 1 else {
      let names = found.map { tree.name(of: $0) }.joined(separator: ", ")
      throw .invalidParameters("'\(name)' has several instances; ask about one: \(names)")
    }
    let status = tree.status(of: node)
    let history = events.history(of: status.name, limit: 20).map { entry in
      WhyReport.Entry(
        time: entry.time, event: entry.kind,
        reason: entry.reason)
    }
    return WhyReport(
      name: status.name, phase: status.phase.rawValue, ready: status.isReady,
      desired: status.wish == .up ? .up : .down, reason: status.reason.description,
      exit: status.lastExit.map(ExitReport.init), restarts: status.restarts, history: history)
  }

  func logsReport(_ names: [String]?) throws(RPCError) -> LogsReport {
    var chosen: Set<NodeID>?
    if let names {
      var found: Set<NodeID> = []
      for name in distinct(names) {
        for node in try nodes(named: name) { found.formUnion(agentNodes(below: node)) }
      }
      chosen = found
    }
    let files = tree.children.filter { chosen?.contains($0) != false }.flatMap { node in
      (agents.indices.contains(node.index) ? agents[node.index] : nil)?.logFiles ?? []
    }
    let directory = configuration.settings.logDirectory
    return LogsReport(directory: directory, files: files, events: "\(directory)/events.ndjson")
  }

  /// Ready: the tree runs, and every critical child of the root is ready.
  func healthReport() -> HealthReport {
    let all = tree.children.map { tree.status(of: $0) }
    let agents = all.filter { !$0.isSupervisor }
    let isCritical = Dictionary(
      uniqueKeysWithValues: configuration.tree.children.map { ($0.name, $0.policy.critical) })
    var reasons: [String] = []
    if state != .running { reasons.append("superv is \(state.rawValue)") }
    for status in all where isCritical[status.name] == true && !status.isReady {
      reasons.append("critical \(status.name) is not ready: \(status.phase.rawValue)")
    }
    let isReady = reasons.isEmpty
    for status in all where status.phase == .failed {
      reasons.append("\(status.name) failed: \(status.reason)")
    }
    return HealthReport(
      ready: isReady, state: state, version: supervVersion,
      agents: .init(
        total: agents.count, ready: agents.count(where: \.isReady),
        failed: agents.count { $0.phase == .failed }),
      reasons: reasons)
  }

  /// Whether what a `status` waits for has come.
  func holds(_ wait: StatusWait) -> Bool {
    guard tree.isUp else { return false }
    switch wait {
    case .up: return true
    case .ready:
      return tree.children.allSatisfy { node in
        let status = tree.status(of: node)
        switch status.phase {
        case .running: return status.isReady || status.isSupervisor
        case .stopped, .exited, .failed, .waiting: return true
        case .starting, .backoff, .stopping: return status.wish == .down
        }
      }
    }
  }
}

extension ExitReport {
  init(_ record: ExitRecord) {
    let (code, signal) = record.termination.codeAndSignal
    self.init(
      code: code, signal: signal, classification: record.exitClass.rawValue,
      oom: record.termination == .outOfMemory)
  }
}

extension Duration {
  /// As JSON has it, with microseconds.
  var inSeconds: Double {
    (Double(wholeNanoseconds) / 1000).rounded() / 1_000_000
  }
}
