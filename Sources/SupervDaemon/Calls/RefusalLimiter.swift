package import SupervisionTree

/// Keeps what is refused again and again from filling the event log: so many lines a minute for
/// each agent, and how many were left out since the last one.
package struct RefusalLimiter: Sendable {
  package static let linesPerMinute = 10
  private static let window = Duration.seconds(60)

  private struct Record {
    var began: MonotonicTime
    var lines = 0
    var leftOut = 0
  }

  /// By agent; nil for all who are none. Bounded by the size of the tree.
  private var records: [NodeID?: Record] = [:]

  package init() {}

  /// Whether a refusal is told.
  ///
  /// - Returns: how many were left out before it; nil when this one is left out.
  package mutating func admit(_ agent: NodeID?, at now: MonotonicTime) -> Int? {
    var record = records[agent] ?? Record(began: now)
    defer { records[agent] = record }
    if now - record.began >= Self.window {
      record.began = now
      record.lines = 0
    }
    guard record.lines < Self.linesPerMinute else {
      record.leftOut += 1
      return nil
    }
    record.lines += 1
    defer { record.leftOut = 0 }
    return record.leftOut
  }
}
