/// What the activity log tells of a process.
package enum ProcessActivity: Hashable, Sendable {
  case spawned(pid: Int32)
  /// It could not be started.
  case spawnFailed(reason: String)
  case alreadyRunning
  /// It was up for longer than `startsecs`.
  case succeeded(startSeconds: Int)
  /// It ended, and nobody had asked it to. Who ends before `startsecs` are over is never expected.
  case exited(ActivityEnding, isExpected: Bool)
  /// It ended because it was to.
  case stopped(ActivityEnding, isExpected: Bool)
  /// `startretries` are used up.
  case gaveUp
  /// Told every two seconds.
  case waitedForToStop
  /// It did not stop within `stopwaitsecs`.
  case overdue(pid: Int32)
  case killing(pid: Int32, signal: Int32, asGroup: Bool)
  case killedInBackoff
  case killedWithoutProcess(signal: Int32)
  case signalling(pid: Int32, signal: Int32)
  case signalledWithoutProcess(signal: Int32)
  /// It was gone when it was to be killed (ESRCH).
  case killedTooLate(pid: Int32)
  case signalledTooLate(pid: Int32)
  /// Text it wrote, told where `loglevel` is `debug` or below.
  case wrote(EventChannel, [UInt8])
  case emittedCommunication(EventChannel)

  var level: ActivityLevel {
    switch self {
    case .spawned, .spawnFailed, .succeeded, .gaveUp, .waitedForToStop: .info
    case .exited(_, let isExpected), .stopped(_, let isExpected): isExpected ? .info : .warn
    case .alreadyRunning, .overdue: .warn
    case .killing, .killedInBackoff, .killedWithoutProcess, .signalling, .signalledWithoutProcess,
      .killedTooLate, .signalledTooLate, .wrote, .emittedCommunication:
      .debug
    }
  }

  func text(_ name: String) -> String {
    switch self {
    case .spawned(let pid): return "spawned: '\(name)' with pid \(pid)"
    case .spawnFailed(let reason): return "spawnerr: \(reason)"
    case .alreadyRunning: return "process '\(name)' already running"
    case .succeeded(let seconds):
      return "success: \(name) entered RUNNING state, process has stayed up for > than "
        + "\(seconds) seconds (startsecs)"
    case .exited(let ending, let isExpected):
      return "exited: \(name) (\(ending.text); \(isExpected ? "expected" : "not expected"))"
    case .stopped(let ending, _): return "stopped: \(name) (\(ending.text))"
    case .gaveUp:
      return "gave up: \(name) entered FATAL state, too many start retries too quickly"
    case .waitedForToStop: return "waiting for \(name) to stop"
    case .overdue(let pid): return "killing '\(name)' (\(pid)) with SIGKILL"
    case .killing(let pid, let signal, let asGroup):
      return "killing \(name) (pid \(pid)) \(asGroup ? "process group " : "")"
        + "with signal \(SignalName.text(signal))"
    case .killedInBackoff: return "Attempted to kill \(name), which is in BACKOFF state."
    case .killedWithoutProcess(let signal):
      return "attempted to kill \(name) with sig \(SignalName.text(signal)) but it wasn't running"
    case .signalling(let pid, let signal):
      return "sending \(name) (pid \(pid)) sig \(SignalName.text(signal))"
    case .signalledWithoutProcess(let signal):
      return "attempted to send \(name) sig \(SignalName.text(signal)) but it wasn't running"
    case .killedTooLate(let pid):
      return "unable to signal \(name) (pid \(pid)), it probably just exited on its own: "
        + "[Errno 3] No such process"
    case .signalledTooLate(let pid):
      return "unable to signal \(name) (pid \(pid)), it probably just now exited on its own: "
        + "[Errno 3] No such process"
    case .wrote(let channel, let bytes):
      return "\(PythonText.literal(name)) \(channel.rawValue) output:\n\(PythonText.decoded(bytes))"
    case .emittedCommunication(let channel):
      return "\(PythonText.literal(name)) \(channel.rawValue) emitted a comm event"
    }
  }
}
