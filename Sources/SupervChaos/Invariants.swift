/// What has to hold whatever goes wrong.
package enum Invariant: String, CaseIterable, Codable, Hashable, Sendable {
  case insideTree = "inside_tree"
  case oneProcess = "one_process"
  case exitsAccounted = "exits_accounted"
  case budgets
  case siblings
  case calls
  case logs
  case recovery
  case events
  case nothingLeft = "nothing_left"

  /// For people.
  package var meaning: String {
    switch self {
    case .insideTree: "no process of an agent is outside its tree"
    case .oneProcess: "an incarnation never has two processes"
    case .exitsAccounted: "every exit is told once, and every one has a cause"
    case .budgets: "no supervisor makes more restarts than it may"
    case .siblings: "siblings under one_for_one are left alone"
    case .calls: "every call ends once, in time"
    case .logs: "no log line is lost, doubled or out of order"
    case .recovery: "everything is as it was within the bound"
    case .events: "events are numbered without a gap"
    case .nothingLeft: "nothing of a fault is left behind"
    }
  }
}

/// One time that one did not hold.
package struct Violation: Codable, Hashable, Sendable {
  package var invariant: Invariant
  /// Since the beginning.
  package var atSeconds: Double
  package var text: String
  /// The last fault before it; null when there was none.
  package var fault: Int?

  private enum CodingKeys: String, CodingKey {
    case invariant
    case atSeconds = "at_s"
    case text, fault
  }
}

/// How often each one was looked at, and when it did not hold.
package struct Verdict: Sendable {
  /// More are counted and not kept.
  private static let keptCount = 200

  package private(set) var checks: [Invariant: Int] = [:]
  package private(set) var violationCounts: [Invariant: Int] = [:]
  package private(set) var violations: [Violation] = []
  /// Told with every violation.
  package var nowSeconds = 0.0
  package var lastFault: Int?

  package init() {}

  package var violationCount: Int { violationCounts.values.reduce(0, +) }

  package mutating func count(_ invariant: Invariant, _ number: Int = 1) {
    checks[invariant, default: 0] += number
  }

  package mutating func check(
    _ invariant: Invariant, _ holds: Bool, _ text: @autoclosure () -> String
  ) {
    count(invariant)
    if !holds { violate(invariant, text()) }
  }

  package mutating func violate(_ invariant: Invariant, _ text: String) {
    violationCounts[invariant, default: 0] += 1
    guard violations.count < Self.keptCount else { return }
    violations.append(
      Violation(invariant: invariant, atSeconds: nowSeconds, text: text, fault: lastFault))
  }
}
