/// How a process ended, as wait(2) tells it.
package enum Termination: Codable, Hashable, Sendable {
  /// It called `_exit` with this code, 0...255.
  case exited(code: Int32)
  /// This signal ended it.
  case signalled(Int32, coreDumped: Bool)
  /// The kernel killed it, because its memory or all memory had run out.
  case outOfMemory
  /// Nobody could learn how it ended.
  case unknown
}

/// What an end means for its supervisor.
package enum ExitClass: String, CaseIterable, Codable, Hashable, Sendable {
  /// An exit code that the agent declares as normal; for a supervisor, that it gave up or shut
  /// itself down (OTP's reason `shutdown`).
  case normal
  /// superv asked for it, whatever the status.
  case requested
  /// Everything else, signals included.
  case abnormal
}

/// What a supervisor does about a child that ended by itself.
package enum RestartDecision: Hashable, Sendable {
  case restart(RestartUrgency)
  /// It stays down with its specification kept; a group restart starts it again.
  case leave
  /// It ended for good, as temporary children do; a group restart does not bring it back.
  case drop
  /// Starting it again cannot help (`EX_CONFIG`); only an operator or a new configuration does.
  case fail
}

package enum RestartUrgency: Hashable, Sendable {
  /// The first restart in a window does not wait.
  case immediate
  /// Every restart waits, as the agent asked for with `EX_TEMPFAIL`.
  case delayed
}

/// The two codes of sysexits.h that say what a restart would bring.
package enum SystemExitCode {
  /// `EX_TEMPFAIL`: try again later.
  package static let temporaryFailure: Int32 = 75
  /// `EX_CONFIG`: something is not configured right; trying again cannot help.
  package static let configurationError: Int32 = 78
}

extension AgentSpecification {
  /// The class of an end that nobody asked for.
  package func classOfEnd(_ termination: Termination) -> ExitClass {
    switch termination {
    case .exited(let code): normalExitCodes.contains(code) ? .normal : .abnormal
    case .signalled, .outOfMemory, .unknown: .abnormal
    }
  }
}

extension RestartType {
  /// The one table of restart decisions (OTP "Supervisor Behaviour", and sysexits.h where the exit
  /// code speaks for itself and the agent does not declare it as normal).
  ///
  /// - Parameter termination: how the process ended; nil for a supervisor.
  package func decision(after exitClass: ExitClass, termination: Termination?) -> RestartDecision {
    let code: Int32? = if case .exited(let code) = termination { code } else { nil }
    let isAbnormal = exitClass == .abnormal
    if isAbnormal, code == SystemExitCode.configurationError { return .fail }
    let urgency: RestartUrgency =
      isAbnormal && code == SystemExitCode.temporaryFailure ? .delayed : .immediate
    return switch (self, exitClass) {
    case (.permanent, .normal), (.permanent, .abnormal), (.permanent, .requested):
      .restart(urgency)
    case (.transient, .abnormal): .restart(urgency)
    case (.transient, .normal), (.transient, .requested): .leave
    case (.temporary, .normal), (.temporary, .abnormal), (.temporary, .requested): .drop
    }
  }
}
