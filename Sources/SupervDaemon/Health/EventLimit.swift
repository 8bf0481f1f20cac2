package import SupervisionTree

/// Lets ten events a minute through, so that nobody can fill the event log; the next one that
/// passes says how many did not.
package struct EventLimit: Sendable {
  package static let maximumPerMinute = 10

  private var minuteEnds: MonotonicTime?
  private var passed = 0
  private var leftOut = 0

  package init() {}

  /// - Returns: how many were left out since the last one that passed; nil: leave this one out, too.
  package mutating func pass(_ now: MonotonicTime) -> Int? {
    if minuteEnds.map({ now >= $0 }) ?? true {
      minuteEnds = now + .seconds(60)
      passed = 0
    }
    guard passed < Self.maximumPerMinute else {
      leftOut += 1
      return nil
    }
    passed += 1
    defer { leftOut = 0 }
    return leftOut
  }
}
