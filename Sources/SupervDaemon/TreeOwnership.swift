import SupervConfig
import SupervProtocol
import SupervisionTree

// What agents leave behind, and limits of everything that they start together.

/// What an agent is told when it gets past `memory_high` (docs/protocol.md).
private struct MemoryParams: Encodable {
  var bytes: Int64
  var high: Int64?
  var max: Int64?
}

extension Daemon {
  func take(_ news: LimitNews, of process: ProcessKey) {
    guard isCurrent(process), let limits = agents[process.node.index]?.definition.treeLimits else {
      return
    }
    switch news {
    case .memoryHigh(let bytes): tellMemory(bytes, limits, of: process)
    case .memoryExceeded(let bytes):
      stop(process, because: .memory(bytes, maximum: limits.memoryMaximumBytes ?? 0))
    case .tasksExceeded(let count):
      stop(process, because: .tasks(count, maximum: limits.taskMaximum ?? 0))
    }
  }

  /// As after a failed liveness: its restart type decides what follows.
  private func stop(_ process: ProcessKey, because reason: HealthReason) {
    let why = Reason.health(reason)
    feed(.unhealthy(process.node, incarnation: process.incarnation, why: why))
  }

  private func tellMemory(_ bytes: Int64, _ limits: TreeLimits, of process: ProcessKey) {
    let params = MemoryParams(
      bytes: bytes, high: limits.memoryHighBytes, max: limits.memoryMaximumBytes)
    var isTold = false
    if let session = sessions.serving(process) {
      var message: [UInt8] = []
      MessageWriter.appendNotification(method: "memory", params: params, to: &message)
      isTold = kernel.send(message, to: session.id)
    }
    let high = limits[.memoryHigh] ?? ""
    tell(
      about: process, "agent.memory_high",
      reason: "it uses \(bytes) bytes, more than memory_high (\(high)); "
        + (isTold ? "it was told" : "it has no connection to be told on"))
  }

  func tellLeftBehind(_ count: Int, by process: ProcessKey) {
    let processes = count == 1 ? "a process that it had" : "\(count) processes that it had"
    tell(about: process, "agent.cleared", reason: "\(processes) left behind: killed")
  }

  /// Of each agent, the processes of all its incarnations that have lost their parents.
  func orphansByNode() -> [NodeID: [Int32]] {
    var found: [NodeID: [Int32]] = [:]
    for (key, pids) in kernel.orphans() { found[key.node, default: []] += pids }
    return found.mapValues { $0.sorted() }
  }

  func limitStatus(of agent: AgentDefinition) -> [LimitStatus] {
    agent.treeLimits.keys.map { limit in
      let problem = kernel.problem(keeping: limit)
      return LimitStatus(
        name: limit.rawValue, value: agent.treeLimits[limit] ?? "",
        kept: problem == nil ? .kernel : limit == .cpuMax ? .nobody : .superv, problem: problem)
    }
  }
}

extension ControlGroupsStatus {
  init(_ report: ControlGroupsReport) {
    self.init(path: report.path, controllers: report.controllers, problem: report.problem)
  }
}
