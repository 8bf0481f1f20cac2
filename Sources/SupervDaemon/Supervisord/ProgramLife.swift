import SupervConfig
import SupervisionTree
import SupervisordProtocol

// Both modules call these what supervisord does.
typealias ProgramSettings = SupervConfig.SupervisordProgram
typealias GroupSettings = SupervConfig.SupervisordGroup

/// What supervisord knows of a program beside its configuration, made of what the tree tells.
struct ProgramLife {
  private(set) var state = SupervisordState.stopped
  /// 0 when there is none.
  private(set) var pid: Int32 = 0
  /// Unix seconds; 0 if never.
  private(set) var started = 0
  private(set) var stopped = 0
  /// Empty when there is nothing to say.
  private(set) var spawnError = ""
  /// Of its last end; -1 after a signal, 0 while it runs.
  private(set) var exitStatus = 0
  /// Starts in a row that have failed.
  private(set) var failures = 0

  init() {}

  /// Of a process that an earlier daemon has started.
  init(_ status: ChildStatus, _ facts: ProcessFacts?) {
    state = Self.state(of: status)
    if let facts {
      pid = facts.pid
      started = Int(facts.startedRealTimeNanoseconds / 1_000_000_000)
    } else if let exit = status.lastExit {
      exitStatus = Self.exitStatus(exit.termination)
      if state == .backoff || state == .fatal { spawnError = Self.tooQuickly }
    }
  }

  private static let tooQuickly = "Exited too quickly (process log may have details)"

  private static func state(of status: ChildStatus) -> SupervisordState {
    switch status.phase {
    case .stopped: .stopped
    case .waiting, .starting: .starting
    case .running: status.isReady ? .running : .starting
    case .backoff: .backoff
    case .stopping: .stopping
    case .exited: .exited
    case .failed: .fatal
    }
  }

  private static func exitStatus(_ termination: Termination) -> Int {
    if case .exited(let code) = termination { Int(code) } else { -1 }
  }

  /// What comes of one event of the tree's story: a new state, where it is one, and what is logged.
  ///
  /// - Parameter fault: why its command cannot be executed, where that is known.
  mutating func take(
    _ kind: Note.Kind, _ event: StoryEvent, of program: ProgramSettings, fault: String?
  ) -> (entry: ProcessStateEntry?, log: [ProcessActivity]) {
    let seconds = Int(event.realTimeNanoseconds / 1_000_000_000)
    switch kind {
    case .agentStarting:
      spawnError = ""
      return (enter(.starting, .starting(tries: failures)), [])
    case .agentStarted:
      (pid, started, exitStatus) = (event.pid ?? 0, seconds, 0)
      return (nil, [.spawned(pid: pid)])
    case .agentReady:
      failures = 0
      return (
        enter(.running, .running(pid: pid)), [.succeeded(startSeconds: program.startSeconds)]
      )
    case .agentStartFailed:
      failures += 1
      spawnError = fault ?? event.reason.description
      return (enter(.backoff, .backoff(tries: failures)), [.spawnFailed(reason: spawnError)])
    case .agentStopping:
      guard state != .stopping else { return (nil, []) }
      return (enter(.stopping, .stopping(pid: pid)), [.waitedForToStop])
    case .agentExited:
      return exited(event, program, at: seconds)
    case .agentBackoff:
      return (state == .backoff ? nil : enter(.backoff, .backoff(tries: failures)), [])
    case .agentFailed:
      failures = 0
      return (enter(.fatal, .fatal), [.gaveUp])
    case .agentStopped:
      return (state == .stopped ? nil : enter(.stopped, .stopped(pid: 0)), [])
    case .agentWaiting, .agentNotReady, .agentRemoved, .supervisorWaiting, .supervisorBackoff,
      .supervisorStarting, .supervisorStarted, .supervisorRestarting, .supervisorStopping,
      .supervisorStopped, .supervisorGaveUp, .supervisorFailed, .supervisorRemoved:
      return (nil, [])
    }
  }

  private mutating func exited(
    _ event: StoryEvent, _ program: ProgramSettings, at seconds: Int
  ) -> (entry: ProcessStateEntry?, log: [ProcessActivity]) {
    let termination = event.exit?.termination ?? .unknown
    let ending = ActivityEnding(termination)
    let isExpected = ending.isExpected(exitCodes: program.exitCodes)
    let former = pid
    (pid, stopped, exitStatus) = (0, seconds, Self.exitStatus(termination))
    switch state {
    case .stopping:
      let log = [ProcessActivity.stopped(ending, isExpected: isExpected)]
      return (enter(.stopped, .stopped(pid: former)), log)
    case .starting:
      failures += 1
      spawnError = Self.tooQuickly
      exitStatus = 0
      return (
        enter(.backoff, .backoff(tries: failures)), [.exited(ending, isExpected: false)]
      )
    case .running, .stopped, .backoff, .exited, .fatal, .unknown:
      spawnError = isExpected ? "" : "Bad exit code \(exitStatus)"
      return (
        enter(.exited, .exited(pid: former, isExpected: isExpected)),
        [.exited(ending, isExpected: isExpected)]
      )
    }
  }

  private mutating func enter(
    _ state: SupervisordState, _ entry: ProcessStateEntry
  ) -> ProcessStateEntry {
    self.state = state
    return entry
  }
}

extension ActivityEnding {
  init(_ termination: Termination) {
    switch termination {
    case .exited(let code): self = .exited(status: code)
    case .signalled(let number, let coreDumped): self = .signalled(number, dumpedCore: coreDumped)
    case .outOfMemory: self = .signalled(9, dumpedCore: false)
    case .unknown: self = .unknown(waitStatus: 0)
    }
  }
}
