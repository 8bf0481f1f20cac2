/// What supervisord says of a process; the raw values are those of its XML-RPC interface.
package enum SupervisordState: Int, CaseIterable, Hashable, Sendable {
  case stopped = 0
  case starting = 10
  case running = 20
  /// It ended before it had been up for `startsecs`, and is tried again.
  case backoff = 30
  case stopping = 40
  /// It ended after it had been up.
  case exited = 100
  /// It could not be started.
  case fatal = 200
  case unknown = 1000

  /// As `supervisorctl status` shows it.
  package var name: String {
    switch self {
    case .stopped: "STOPPED"
    case .starting: "STARTING"
    case .running: "RUNNING"
    case .backoff: "BACKOFF"
    case .stopping: "STOPPING"
    case .exited: "EXITED"
    case .fatal: "FATAL"
    case .unknown: "UNKNOWN"
    }
  }

  /// Whether there is a process, or one is on its way; the others can be started.
  package var isRunning: Bool {
    switch self {
    case .starting, .running, .backoff: true
    case .stopped, .stopping, .exited, .fatal, .unknown: false
    }
  }
}
