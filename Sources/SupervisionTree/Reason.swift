/// Why something is as it is, or is done. Log, status and tests all use this one value.
package enum Reason: Codable, Hashable, Sendable {
  /// Its supervisor has not started it yet.
  case notStarted
  /// `autostart = no`: it waits for an operator.
  case autostartOff
  /// Started in its supervisor's start.
  case supervisorStarts
  case operatorUp
  case operatorDown
  case operatorRestart
  case ended(Termination, ExitClass)
  /// Stage, path and error of a start that failed.
  case startFailed(String)
  /// A child of this supervisor did not start.
  case childDidNotStart(child: String, why: String)
  /// Restart `number` of `limit` in `period`.
  case restart(number: Int, limit: Int, period: Duration, after: String)
  /// It restarts together with a sibling.
  case group(Strategy, sibling: String)
  /// Restart `limit + 1` within `period` is not made.
  case intensityExceeded(child: String, limit: Int, period: Duration, after: String)
  /// Attempt `number` of `limit` to start it, after the first.
  case startRetry(number: Int, limit: Int, after: String)
  case startRetriesSpent(limit: Int, after: String)
  /// It is started again, and its budget is not for that.
  case spared(after: String)
  case supervisorGaveUp(String)
  case supervisorStops(String)
  /// It was not gone when the time for it was over.
  case graceOver(Duration)
  /// EX_CONFIG: starting it again cannot help.
  case configurationError
  /// It ended and its restart type says that it stays down.
  case notRestarted(RestartType, Termination, ExitClass)
  case supervisorNotRestarted(RestartType, after: String)
  case unhealthyNotRestarted(RestartType, HealthReason)
  /// A group restart of its siblings drops a temporary child.
  case temporaryDropped(sibling: String)
  case waitsFor([Need])
  case needsMet
  case stayedUp(Duration)
  case health(HealthReason)
  case criticalFailed(child: String, why: String)
  case significantEnded(child: String)
  case shutdown
  case reloadAdded
  case reloadChanged
  case reloadRemoved
  case reloadMoved
}

extension Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notStarted: "not started yet"
    case .autostartOff: "autostart is off"
    case .supervisorStarts: "its supervisor starts"
    case .operatorUp: "an operator asked for it to be up"
    case .operatorDown: "an operator stopped it"
    case .operatorRestart: "an operator asked for a restart"
    case .ended(let termination, let exitClass): "\(termination) (\(exitClass.rawValue))"
    case .startFailed(let why): "start failed: \(why)"
    case .childDidNotStart(let child, let why): "\(child) did not start: \(why)"
    case .restart(let number, let limit, let period, let cause):
      "restart \(number) of \(limit) in \(period.brief) after \(cause)"
    case .group(let strategy, let sibling): "\(strategy.rawValue): restarts with \(sibling)"
    case .intensityExceeded(let child, let limit, let period, let cause):
      "gave up on \(child): more than \(limit) restart\(limit == 1 ? "" : "s") in "
        + "\(period.brief); last: \(cause)"
    case .startRetry(let number, let limit, let cause):
      "attempt \(number) of \(limit) to start it again after \(cause)"
    case .startRetriesSpent(let limit, let cause):
      "gave up: it did not start, and \(limit) further attempt\(limit == 1 ? "" : "s") "
        + "(startretries) did not help; last: \(cause)"
    case .spared(let cause): "started again after \(cause)"
    case .supervisorGaveUp(let name): "its supervisor \(name) gave up"
    case .supervisorStops(let name): "its supervisor \(name) stops"
    case .graceOver(let grace): "still there after \(grace.brief)"
    case .configurationError: "exit code 78 (EX_CONFIG): a restart cannot help"
    case .notRestarted(let type, let termination, let exitClass):
      "\(termination) (\(exitClass.rawValue)); \(type.rawValue), so it is not restarted"
    case .supervisorNotRestarted(let type, let cause):
      "\(cause); \(type.rawValue), so it is not restarted"
    case .unhealthyNotRestarted(let type, let reason):
      "\(reason); \(type.rawValue), so it is not restarted"
    case .temporaryDropped(let sibling): "temporary: dropped when \(sibling) restarted its group"
    case .waitsFor(let needs):
      "waits for " + needs.map { "\($0.name):\($0.condition.rawValue)" }.joined(separator: ", ")
    case .needsMet: "what it waited for is there"
    case .stayedUp(let span): "stayed up for \(span.brief)"
    case .health(let reason): reason.description
    case .criticalFailed(let child, let why): "critical \(child) failed: \(why)"
    case .significantEnded(let child): "significant \(child) ended"
    case .shutdown: "superv shuts down"
    case .reloadAdded: "added by a reload"
    case .reloadChanged: "changed by a reload"
    case .reloadRemoved: "removed by a reload"
    case .reloadMoved: "moved to another supervisor by a reload"
    }
  }
}

extension Termination: CustomStringConvertible {
  package var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signalled(let signal, let coreDumped):
      signalName(signal) + (coreDumped ? " (core dumped)" : "")
    case .outOfMemory: "SIGKILL (out of memory)"
    case .unknown: "unknown end"
    }
  }
}

extension Duration {
  /// In the words of the configuration: `500ms`, `60s`.
  package var brief: String {
    let milliseconds = wholeNanoseconds / 1_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }
}

/// The name of a signal as signal(7) gives it for Linux on x86 and ARM; `signal 34` for others.
package func signalName(_ number: Int32) -> String {
  let names = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
    "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD",
    "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ",
    "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
  ]
  return names.indices.contains(Int(number) - 1) ? names[Int(number) - 1] : "signal \(number)"
}
