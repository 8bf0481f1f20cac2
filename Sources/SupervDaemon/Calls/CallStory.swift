import SupervProtocol
import SupervisionTree

// What is told of calls: refusals, in bounds, and the state of breakers.

extension Daemon {
  /// Counts a refusal.
  ///
  /// - Parameter agent: its place in the row of agents.
  func refused(
    _ outcome: CallOutcome, _ agent: Int, _ why: String, retryAfter: Duration? = nil
  ) -> RPCError {
    calls.agents[agent].metrics.count(outcome)
    let milliseconds = retryAfter.map { Int(($0.wholeNanoseconds + 999_999) / 1_000_000) }
    return RPCError(outcome.kind, why, retryAfterMilliseconds: milliseconds)
  }

  /// Tells what the rules or a limit refused; the rest is for the caller alone.
  func tellRefusal(_ error: RPCError, of process: ProcessKey) {
    switch error.kind {
    case .denied: tellRefusal("call.denied", of: process, because: error.message)
    case .overloaded, .cycle: tellRefusal("call.refused", of: process, because: error.message)
    case .timeout, .noSuchAgent, .notReady, .agentDied, .circuitOpen, .tooLarge, .invalid,
      .cancelled, .unavailable, .rateLimited, .budgetExhausted:
      break
    }
  }

  func tellRefusal(_ kind: String, of process: ProcessKey, because reason: String) {
    guard let text = refusalText(reason, of: process.node) else { return }
    tell(about: process, kind, reason: text)
  }

  /// What the event log gets to read of a refusal; nil when there were too many.
  func refusalText(_ reason: String, of node: NodeID?) -> String? {
    guard let leftOut = calls.refusals.admit(node, at: kernel.now) else { return nil }
    return leftOut == 0 ? reason : "\(reason); \(leftOut) refusals before it are left out"
  }

  func tell(_ transition: CircuitBreaker.Transition, of node: NodeID) {
    let (kind, reason) =
      switch transition {
      case .opened(let failures, let recovery):
        (
          "breaker.opened",
          "\(failures) call\(failures == 1 ? "" : "s") in a row failed; none is made for "
            + recovery.brief
        )
      case .halfOpened: ("breaker.half_open", "one call at a time tries it out")
      case .closed(let successes):
        ("breaker.closed", "\(successes) call\(successes == 1 ? "" : "s") in a row succeeded")
      }
    tell(StoryEvent(kind, .agent, name: calls.name(of: node), reason: reason))
  }
}
