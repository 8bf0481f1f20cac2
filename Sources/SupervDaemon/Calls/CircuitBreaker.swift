package import SupervConfig
package import SupervisionTree

// Keeps calls away from an agent that fails, and lets it back in carefully.
//
//             so many failures in a row              recovery is over
//    closed ─────────────────────────────▶ open ──────────────────────▶ half open
//      ▲                                    ▲                            │    │
//      │                                    └────────────────────────────┘    │
//      └──────────────────────────────────────────────────────────────────────┘
//                    so many successes in a row          a failure
//
// Half open, one call at a time is let through. Only calls that began in the state that holds
// count: what was sent before it opened says nothing about how the agent is now.

/// The circuit breaker of one agent instance.
package struct CircuitBreaker: Sendable {
  package enum State: String, CaseIterable, Hashable, Sendable {
    case closed, open
    case halfOpen = "half_open"
  }

  /// What is told of it.
  package enum Transition: Hashable, Sendable {
    case opened(failures: Int, recovery: Duration)
    case halfOpened
    case closed(successes: Int)
  }

  /// How a call ended, as far as the breaker is concerned.
  package enum Verdict: Hashable, Sendable {
    /// It answered, an error too.
    case success
    case failure
    /// Nobody waited for it any more.
    case none
  }

  /// Why a call is not let through.
  package struct Refusal: Error, Hashable, Sendable {
    /// Nil: as soon as a call that tries it out has succeeded.
    package var retryAfter: Duration?
  }

  private enum Phase {
    case closed(failures: Int)
    case open(until: MonotonicTime)
    case halfOpen(successes: Int, isTrying: Bool)
  }

  package var settings: BreakerSettings
  private var phase = Phase.closed(failures: 0)
  /// Changes with each transition; a call keeps the one that it began in.
  private var epoch: UInt32 = 0

  package init(_ settings: BreakerSettings) { self.settings = settings }

  package func state(at now: MonotonicTime) -> State {
    switch phase {
    case .closed: .closed
    case .open(let until): now < until ? .open : .halfOpen
    case .halfOpen: .halfOpen
    }
  }

  /// Whether a call may not be made now.
  package func refusal(at now: MonotonicTime) -> Refusal? {
    switch phase {
    case .closed, .halfOpen(_, isTrying: false): nil
    case .open(let until): now < until ? Refusal(retryAfter: until - now) : nil
    case .halfOpen(_, isTrying: true): Refusal(retryAfter: nil)
    }
  }

  /// A call that was not refused is on its way.
  ///
  /// - Returns: what to hand to `end`.
  package mutating func begin(at now: MonotonicTime) -> (epoch: UInt32, Transition?) {
    switch phase {
    case .closed: return (epoch, nil)
    case .open:
      epoch &+= 1
      phase = .halfOpen(successes: 0, isTrying: true)
      return (epoch, .halfOpened)
    case .halfOpen(let successes, _):
      phase = .halfOpen(successes: successes, isTrying: true)
      return (epoch, nil)
    }
  }

  package mutating func end(
    _ verdict: Verdict, epoch began: UInt32, at now: MonotonicTime
  ) -> Transition? {
    guard began == epoch else { return nil }
    switch (phase, verdict) {
    case (.closed, .success):
      phase = .closed(failures: 0)
    case (.closed(let failures), .failure):
      guard settings.failures > 0, failures + 1 >= settings.failures else {
        phase = .closed(failures: failures + 1)
        return nil
      }
      return open(failures: failures + 1, now)
    case (.halfOpen(let successes, _), .success):
      guard successes + 1 >= settings.successes else {
        phase = .halfOpen(successes: successes + 1, isTrying: false)
        return nil
      }
      epoch &+= 1
      phase = .closed(failures: 0)
      return .closed(successes: successes + 1)
    case (.halfOpen, .failure):
      return open(failures: 1, now)
    case (.halfOpen(let successes, _), .none):
      phase = .halfOpen(successes: successes, isTrying: false)
    case (.closed, .none): break
    // No call begins while it is open.
    case (.open, .success), (.open, .failure), (.open, .none): break
    }
    return nil
  }

  private mutating func open(failures: Int, _ now: MonotonicTime) -> Transition {
    epoch &+= 1
    phase = .open(until: now + settings.recovery)
    return .opened(failures: failures, recovery: settings.recovery)
  }
}
