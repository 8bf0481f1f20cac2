// What a configuration says of an agent's health and of the calls to it.

/// What makes an agent ready.
package enum ReadinessSource: String, CaseIterable, Hashable, Sendable {
  /// What it says, once it speaks the child protocol; until then, having stayed up for `startsecs`.
  case automatic = "auto"
  /// Having stayed up for `startsecs`.
  case startSeconds = "startsecs"
  /// What it says: over the child protocol, sd_notify or `notify_fd`.
  case declared
}

/// How an agent is asked whether it starts, lives or can serve.
package enum ProbeKind: Hashable, Sendable {
  /// Over the child protocol, which the agent's own loop answers.
  case ping
  /// A command that exits with 0, run as the agent is: its user, folder and environment.
  case command([String])
  /// A GET that is answered with 200 to 399. An IP literal without brackets.
  case http(host: String, port: UInt16, path: String)
  /// A connection that is accepted. An IP literal without brackets.
  case tcp(host: String, port: UInt16)
  /// The same on an absolute path.
  case unix(path: String)
  /// The agent says `WATCHDOG=1` at least this often.
  case watchdog(Duration)
}

/// One probe, with Kubernetes' names and meanings.
package struct ProbeSettings: Hashable, Sendable {
  package var kind: ProbeKind
  /// From the start of the process (or from the startup probe's success) to the first probe.
  package var initialDelay: Duration = .zero
  package var interval: Duration = .seconds(10)
  package var timeout: Duration = .seconds(5)
  package var successThreshold = 1
  package var failureThreshold = 3

  package init(_ kind: ProbeKind) { self.kind = kind }
}

/// What a stuck agent brings about.
package enum StuckAction: String, CaseIterable, Hashable, Sendable { case warn, restart }

package struct HealthSettings: Hashable, Sendable {
  package var readySource: ReadinessSource = .automatic
  /// `startsecs`, for whom the tree does not watch the time: `readyAfter` of the specification is
  /// nil where a startup or a readiness probe has to pass as well.
  package var startSeconds: Duration = .seconds(1)
  /// Until it has succeeded, the other two do not begin; when it fails, the agent is restarted.
  package var startup: ProbeSettings?
  package var liveness: ProbeSettings?
  package var readiness: ProbeSettings?
  /// The descriptor, from 3 up, to which the agent writes a newline when it is ready (s6).
  package var notifyDescriptor: Int32?
  package var stuck: StuckAction = .warn
  /// The same `progress` for so long is stuck; zero turns it off.
  package var progressTimeout: Duration = .zero

  package init() {}
}

/// When calls to an agent are refused because it fails.
package struct BreakerSettings: Hashable, Sendable {
  /// So many failures in a row open it; 0 turns it off.
  package var failures = 5
  /// How long it stays open.
  package var recovery: Duration = .seconds(30)
  /// So many successes in a row close it again.
  package var successes = 2

  package init() {}
}

package struct CallSettings: Hashable, Sendable {
  /// Agents and supervisors (all agents below them) that may call it beside its siblings.
  package var acceptedNames: [String] = []
  /// Whether everybody may.
  package var acceptsAll = false
  /// Calls that one instance may have in its hands.
  package var queueLength = 128
  package var breaker = BreakerSettings()

  package init() {}
}
