package import SupervConfig
package import SupervisionTree

/// What the outcomes of one probe add up to (Kubernetes' thresholds).
///
///             successes ≥ success_threshold
///   waiting ────────────────────────────────▶ passing
///      │                                       │   ▲
///      │ failures ≥ failure_threshold          ▼   │ the same, the other way round
///      └────────────────────────────────────▶ failing
///
/// Counted are outcomes in a row: a success makes the failures 0, a failure the successes.
package struct ProbeMachine: Hashable, Sendable {
  package enum State: String, Codable, Hashable, Sendable {
    /// Nothing is known: not asked, or not often enough.
    case waiting
    case passing, failing
  }

  package enum Verdict: Hashable, Sendable {
    case passed
    case failed(times: Int, detail: String)
  }

  package let settings: ProbeSettings
  package private(set) var state = State.waiting
  package private(set) var successes = 0
  package private(set) var failures = 0
  /// What went wrong last; nil after a success.
  package private(set) var detail: String?
  /// A failure before this time is not the last word.
  private var patienceEnds: MonotonicTime?

  package init(_ settings: ProbeSettings, state: State = .waiting) {
    self.settings = settings
    self.state = state
  }

  /// Goes on where another one has been.
  mutating func resume(_ state: State, successes: Int, failures: Int) {
    self.state = state
    self.successes = successes
    self.failures = failures
  }

  /// - Returns: the verdict, where this outcome turns it.
  package mutating func take(_ outcome: ProbeOutcome, _ now: MonotonicTime) -> Verdict? {
    switch outcome {
    case .passed:
      successes += 1
      failures = 0
      detail = nil
      guard state != .passing, successes >= settings.successThreshold else { return nil }
      state = .passing
      return .passed
    case .failed(let text):
      failures += 1
      successes = 0
      detail = text
      let isPatient = patienceEnds.map { now < $0 } ?? false
      guard state != .failing, failures >= settings.failureThreshold, !isPatient else { return nil }
      state = .failing
      return .failed(times: failures, detail: text)
    }
  }

  /// A failure that is not held against the agent.
  package mutating func excuse(_ text: String) { detail = text }

  /// Whatever fails until then does not make it fail.
  package mutating func bePatient(until time: MonotonicTime) {
    patienceEnds = max(patienceEnds ?? time, time)
  }

  /// Counts anew. What passed passes until the contrary is shown.
  package mutating func forget() {
    successes = 0
    failures = 0
    detail = nil
    if state == .failing { state = .waiting }
  }
}
