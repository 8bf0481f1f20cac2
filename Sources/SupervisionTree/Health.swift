// What an agent's health does to it. The verdicts are worked out elsewhere; here they meet the
// phases. A failed readiness only says so; a failed liveness ends the process, and its restart type
// decides as after any other abnormal end.

/// What a probe is for (Kubernetes' names and meanings).
package enum ProbeRole: String, CaseIterable, Codable, Hashable, Sendable {
  case startup, liveness, readiness
}

/// Why an agent is ready, or is not, or does not live as it should.
package enum HealthReason: Codable, Hashable, Sendable {
  case saidReady
  case saidNotReady(String)
  case probePassed(ProbeRole)
  case probeFailed(ProbeRole, times: Int, detail: String)
  /// Which operation, for how long, and what was expected.
  case stuck(String)
  /// It uses more memory than it may, in bytes.
  case memory(Int64, maximum: Int64)
  /// It has more processes and threads than it may.
  case tasks(Int, maximum: Int)
}

extension HealthReason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .saidReady: "it says that it is ready"
    case .saidNotReady(let reason):
      reason.isEmpty ? "it says that it is not ready" : "it says that it is not ready: \(reason)"
    case .probePassed(let role): "its \(role.rawValue) probe passed"
    case .probeFailed(let role, let times, let detail):
      "\(role.rawValue) failed\(times == 1 ? "" : " \(times) times"): \(detail)"
    case .stuck(let what): "stuck: \(what)"
    case .memory(let bytes, let maximum):
      "memory: it uses \(mebibytes(bytes)) of \(mebibytes(maximum)) (memory_max)"
    case .tasks(let count, let maximum):
      "processes: it has \(count) of \(maximum) (pids_max)"
    }
  }
}

extension Reason {
  fileprivate var isPastLimit: Bool {
    guard case .health(let reason) = self else { return false }
    return switch reason {
    case .memory, .tasks: true
    case .saidReady, .saidNotReady, .probePassed, .probeFailed, .stuck: false
    }
  }
}

/// For example `300.5MB`: limits may lie between whole ones.
private func mebibytes(_ bytes: Int64) -> String {
  let tenths = (bytes * 10 + (1 << 19)) >> 20
  return tenths % 10 == 0 ? "\(tenths / 10)MB" : "\(tenths / 10).\(tenths % 10)MB"
}

extension SupervisionTree {
  mutating func declaresReadiness(_ id: NodeID) {
    // One that has become ready by time stays so until it says otherwise.
    guard nodes[id.index].phase == .running(ready: false) else { return }
    effects.append(.cancelTimer(id))
  }

  mutating func saidReady(_ id: NodeID, why: Reason) {
    guard nodes[id.index].phase == .running(ready: false) else { return }
    effects.append(.cancelTimer(id))
    becomeReady(id, why: why)
  }

  mutating func saidNotReady(_ id: NodeID, why: Reason) {
    switch nodes[id.index].phase {
    case .running(ready: true):
      setPhase(id, .running(ready: false))
      note(.agentNotReady, id, why)
    case .running(ready: false): effects.append(.cancelTimer(id))
    case .down, .waiting, .starting, .ended, .retrying, .stopping: break
    }
  }

  /// Ends a process that is not healthy. Asking it politely is left out: it does not listen. One
  /// that takes more than it may gets no time to go on with that.
  mutating func unhealthy(_ id: NodeID, why: Reason) {
    guard case .running(let isReady) = nodes[id.index].phase,
      case .agent(let agent) = nodes[id.index].kind
    else { return }
    if !isReady { effects.append(.cancelTimer(id)) }
    nodes[id.index].afterStop = .decide
    nodes[id.index].reason = why
    note(.agentStopping, id, why)
    let gentlest = agent.stopLadder.firstIndex { $0.action != .message } ?? 0
    enterRung(id, why.isPastLimit ? agent.stopLadder.count - 1 : gentlest)
  }
}
