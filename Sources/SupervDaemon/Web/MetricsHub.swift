import SupervProtocol
import SupervisionTree

/// What metrics need that nobody else keeps.
final class MetricsHub {
  /// How long the loop's turns take.
  var turns = LatencyHistogram()
  /// How late what was due is done.
  var lag = LatencyHistogram()
  var restarts = RestartCounts()
  /// The processor time of an incarnation, which never goes back: what is used by a process that
  /// ends without being waited for does not count as given back.
  private var processorNanoseconds: [ProcessKey: UInt64] = [:]

  func take(_ survey: Survey) {
    processorNanoseconds = survey.agents.reduce(into: [:]) { new, entry in
      new[entry.key] = max(
        entry.value.processorNanoseconds, processorNanoseconds[entry.key] ?? 0)
    }
  }

  func processorSeconds(of process: ProcessKey) -> Double {
    Double(processorNanoseconds[process] ?? 0) / 1e9
  }
}

/// How often each agent was started again, by what it was for.
struct RestartCounts {
  /// What made a restart necessary.
  enum Cause: String, CaseIterable {
    /// It ended with a code that counts as a normal end.
    case normal
    /// It ended with another code.
    case exit
    /// A signal ended it that superv did not send.
    case signal
    case liveness, startup, stuck, memory, pids
    /// The kernel killed it because memory had run out.
    case oom
    case startFailed = "start_failed"
    /// A sibling's end took it along, or its supervisor's restart.
    case group
    case `operator`
    case reload
  }

  /// By the name of the instance.
  private(set) var counts: [String: [Cause: UInt64]] = [:]
  /// Why the last process of a node ended, or did not start.
  private var causes: [NodeID: Cause] = [:]

  /// The tree's story is where restarts and what led to them are told.
  mutating func take(_ note: Note) {
    switch (note.kind, note.reason) {
    case (.agentStopping, .health(.probeFailed(.startup, _, _))): causes[note.node] = .startup
    case (.agentStopping, .health(.probeFailed(_, _, _))): causes[note.node] = .liveness
    case (.agentStopping, .health(.stuck)): causes[note.node] = .stuck
    case (.agentStopping, .health(.memory)): causes[note.node] = .memory
    case (.agentStopping, .health(.tasks)): causes[note.node] = .pids
    case (.agentStopping, .operatorRestart), (.agentStopping, .operatorDown):
      causes[note.node] = .operator
    case (.agentStopping, .reloadChanged): causes[note.node] = .reload
    case (.agentStopping, .group), (.agentStopping, .supervisorStops),
      (.agentStopping, .supervisorGaveUp):
      causes[note.node] = .group
    case (.agentStartFailed, _): causes[note.node] = .startFailed
    case (.agentExited, .ended(let termination, let exitClass)):
      // One that was stopped has its cause already.
      if causes[note.node] == nil { causes[note.node] = Cause(termination, exitClass) }
    case (.agentStarting, _):
      // The first start of a node has nothing before it.
      guard let cause = causes.removeValue(forKey: note.node) else { return }
      counts[note.name, default: [:]][cause, default: 0] += 1
    default: break
    }
  }
}

extension RestartCounts.Cause {
  fileprivate init(_ termination: Termination, _ exitClass: ExitClass) {
    switch (termination, exitClass) {
    case (_, .normal): self = .normal
    case (.signalled, _): self = .signal
    case (.outOfMemory, _): self = .oom
    case (.exited, _), (.unknown, _): self = .exit
    }
  }
}
