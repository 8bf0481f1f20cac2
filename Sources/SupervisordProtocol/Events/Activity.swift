/// What supervisord's activity log tells of, in its words: programs that read that log look for
/// them.
package enum Activity: Hashable, Sendable {
  case process(String, ProcessActivity)
  /// The name is that of the listener's process.
  case listener(String, ListenerActivity)
  case pool(String, PoolActivity)
  case daemon(DaemonActivity)

  package var level: ActivityLevel {
    switch self {
    case .process(_, let activity): activity.level
    case .listener(_, let activity): activity.level
    case .pool(_, let activity): activity.level
    case .daemon(let activity): activity.level
    }
  }

  package var text: String {
    switch self {
    case .process(let name, let activity): activity.text(name)
    case .listener(let name, let activity): activity.text(name)
    case .pool(let name, let activity): activity.text(name)
    case .daemon(let activity): activity.text
    }
  }

  /// Its line, newline included: `2026-11-21 20:00:00,123 INFO …`.
  ///
  /// - Parameters:
  ///   - nanoseconds: since 1970.
  ///   - offset: what local time is ahead of UTC.
  package func line(unixNanoseconds nanoseconds: Int64, utcOffsetSeconds offset: Int32) -> String {
    let time = ActivityTime.text(unixNanoseconds: nanoseconds, utcOffsetSeconds: offset)
    return "\(time) \(level.name) \(text)\n"
  }
}

/// How a process ended, as wait(2) tells.
package enum ActivityEnding: Hashable, Sendable {
  case exited(status: Int32)
  case signalled(Int32, dumpedCore: Bool)
  /// Neither, or not known.
  case unknown(waitStatus: Int32)

  /// Whether `exitcodes` has it, which only exit statuses can be in.
  package func isExpected(exitCodes: some Sequence<Int>) -> Bool {
    guard case .exited(let status) = self else { return false }
    return exitCodes.contains(Int(status))
  }

  package var text: String {
    switch self {
    case .exited(let status): return "exit status \(status)"
    case .signalled(let signal, let dumpedCore):
      return "terminated by \(SignalName.text(signal))" + (dumpedCore ? " (core dumped)" : "")
    case .unknown(let waitStatus):
      let digits = String(UInt32(bitPattern: waitStatus), radix: 16)
      return "unknown termination cause 0x"
        + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
  }
}

/// Points in time as supervisord's log writes them.
package enum ActivityTime {
  /// `2026-11-21 20:00:00,123`: local time, with the milliseconds cut off, not rounded.
  ///
  /// - Parameters:
  ///   - nanoseconds: since 1970.
  ///   - offset: what local time is ahead of UTC.
  package static func text(
    unixNanoseconds nanoseconds: Int64, utcOffsetSeconds offset: Int32
  ) -> String {
    let milliseconds = floored(nanoseconds, by: 1_000_000).quotient
    let (seconds, rest) = floored(milliseconds, by: 1_000)
    let time = CivilTime(unixSeconds: Int(seconds) + Int(offset))
    func digits(_ value: Int, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let second = time.secondOfDay
    return "\(digits(time.year, 4))-\(digits(time.month, 2))-\(digits(time.day, 2))"
      + " \(digits(second / 3600, 2)):\(digits(second / 60 % 60, 2)):\(digits(second % 60, 2))"
      + ",\(digits(Int(rest), 3))"
  }

  private static func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, rest: Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }
}

/// Linux's signals by name.
package enum SignalName {
  private static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
  ]

  /// `SIGTERM`, or `signal 35` for one without a name.
  package static func text(_ signal: Int32) -> String {
    switch signal {
    case 1...Int32(names.count): "SIG" + names[Int(signal) - 1]
    case 34: "SIGRTMIN"
    case 64: "SIGRTMAX"
    default: "signal \(signal)"
    }
  }
}
