// The control socket: what `status` says of an agent's health.

/// An operation that has begun and not ended.
package struct OperationStatus: Codable, Hashable, Sendable {
  /// The agent's own name for it.
  package var op: String
  @OrNull package var kind: String?
  package var sinceSeconds: Double

  package init(op: String, kind: String? = nil, sinceSeconds: Double) {
    self.op = op
    self.kind = kind
    self.sinceSeconds = sinceSeconds
  }

  private enum CodingKeys: String, CodingKey {
    case op, kind
    case sinceSeconds = "since_s"
  }
}

/// One probe, and what it has found.
package struct ProbeStatus: Codable, Hashable, Sendable {
  package enum Role: String, CaseIterable, Hashable, Sendable, Codable {
    case startup, liveness, readiness
  }

  package enum State: String, CaseIterable, Hashable, Sendable, Codable {
    /// Nothing is known yet.
    case waiting
    case passing, failing
  }

  package var role: Role
  /// `ping`, `command`, `http`, `tcp`, `unix` or `watchdog`.
  package var kind: String
  package var state: State
  /// In a row.
  package var failures: Int
  /// What went wrong last; null after a success.
  @OrNull package var last: String?

  package init(role: Role, kind: String, state: State, failures: Int = 0, last: String? = nil) {
    self.role = role
    self.kind = kind
    self.state = state
    self.failures = failures
    self.last = last
  }
}
