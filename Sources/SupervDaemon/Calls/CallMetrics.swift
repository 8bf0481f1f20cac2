package import SupervProtocol

/// How a call ended, or why it was not made.
package enum CallOutcome: String, CaseIterable, Hashable, Sendable {
  /// The callee's result.
  case ok
  /// The callee's error.
  case error
  case timeout
  case agentDied = "agent_died"
  case unavailable, cancelled, overloaded
  case notReady = "not_ready"
  case circuitOpen = "circuit_open"
  case denied, cycle

  fileprivate static let count = 11

  /// What it says about the callee.
  var verdict: CircuitBreaker.Verdict {
    switch self {
    case .ok, .error: .success
    case .timeout, .agentDied, .unavailable: .failure
    case .cancelled, .overloaded, .notReady, .circuitOpen, .denied, .cycle: .none
    }
  }

  fileprivate var index: Int {
    switch self {
    case .ok: 0
    case .error: 1
    case .timeout: 2
    case .agentDied: 3
    case .unavailable: 4
    case .cancelled: 5
    case .overloaded: 6
    case .notReady: 7
    case .circuitOpen: 8
    case .denied: 9
    case .cycle: 10
    }
  }
}

/// What has become of the calls to one agent since superv started.
package struct CallMetrics: Sendable {
  /// Every call that ended or was refused is in here once.
  private var counts = InlineArray<11, UInt64>(repeating: 0)
  /// Of the calls that reached the agent, until they ended.
  package private(set) var latency = LatencyHistogram()
  /// Answers to calls that had ended.
  package var lateAnswers: UInt64 = 0
  /// Answers to what this connection was never asked.
  package var strayAnswers: UInt64 = 0
  package var casts: UInt64 = 0

  package init() {
    precondition(counts.count == CallOutcome.allCases.count, "each outcome has its count")
  }

  package subscript(outcome: CallOutcome) -> UInt64 { counts[outcome.index] }

  mutating func count(_ outcome: CallOutcome) { counts[outcome.index] &+= 1 }

  mutating func count(_ outcome: CallOutcome, after span: Int64) {
    count(outcome)
    latency.add(nanoseconds: span)
  }
}

/// What `/metrics` shows of the calls to one agent.
package struct CallReport: Sendable {
  package var agent: String
  package var metrics: CallMetrics
  package var inFlight: Int
  /// Of each instance, by its name.
  package var breakers: [(name: String, state: CircuitBreaker.State)]
}
