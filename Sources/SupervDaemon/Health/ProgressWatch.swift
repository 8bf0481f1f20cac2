package import SupervProtocol
package import SupervisionTree

/// What one process says of its work: operations with a beginning and an end, and a progress that
/// has to change. Whatever it does not say is held against nobody.
package struct ProgressWatch: Sendable {
  package static let maximumOperations = 256
  package static let maximumKinds = 64
  /// Of a kind, so many durations are remembered, and so many have to be known.
  package static let rememberedDurations = 32
  package static let requiredDurations = 5
  /// An operation is stuck past so many times what was expected, and never before a second.
  package static let tolerance = 10
  package static let shortestLimit = Duration.seconds(1)

  package struct Operation: Hashable, Sendable {
    package var name: String
    package var kind: String?
    package var since: MonotonicTime
    /// From when its time counts: the end of a hold, where there was one.
    var countsFrom: MonotonicTime
    var expected: Duration?
    package fileprivate(set) var isStuck = false

    var limit: Duration? {
      expected.map { max($0 * ProgressWatch.tolerance, ProgressWatch.shortestLimit) }
    }

    var due: MonotonicTime? { isStuck ? nil : limit.map { countsFrom + $0 } }

    /// For people: `operation 7 (summarise)`.
    package var title: String { "operation \(name)" + (kind.map { " (\($0))" } ?? "") }
  }

  private var open: [String: Operation] = [:]
  /// The last durations of each kind, in nanoseconds, the next one to be replaced.
  private var kinds: [String: (durations: [Int64], next: Int)] = [:]
  /// When the first of them may be stuck; it may be early.
  package private(set) var due: MonotonicTime?
  package private(set) var progress: String?
  private var progressSince = MonotonicTime(nanoseconds: 0)
  private var isProgressStuck = false

  package init() {}

  /// Oldest first.
  package var operations: [Operation] {
    open.values.sorted { ($0.since, $0.name) < ($1.since, $1.name) }
  }

  /// Whether something runs that has not run for too long.
  package func isBusy(_ now: MonotonicTime) -> Bool {
    open.values.contains { !$0.isStuck && ($0.due.map { now < $0 } ?? true) }
  }

  /// - Throws: `RPCError` when there is one of that name, or as many as there may be.
  package mutating func begin(
    _ name: String, kind: String?, expected: Duration?, _ now: MonotonicTime
  ) throws(RPCError) {
    guard open[name] == nil else {
      throw .invalidParameters("operation '\(name)' is open already")
    }
    guard open.count < Self.maximumOperations else {
      throw RPCError(.overloaded, "\(Self.maximumOperations) operations are open already")
    }
    if let kind, kinds[kind] == nil {
      guard kinds.count < Self.maximumKinds else {
        throw RPCError(.overloaded, "there are \(Self.maximumKinds) kinds of operations already")
      }
      kinds[kind] = ([], 0)
    }
    let operation = Operation(
      name: name, kind: kind, since: now, countsFrom: now, expected: expected ?? usual(kind))
    open[name] = operation
    if let time = operation.due { due = min(due ?? time, time) }
  }

  /// - Returns: the operation as it was.
  /// - Throws: `RPCError` when there is none of that name.
  package mutating func end(
    _ name: String, _ now: MonotonicTime
  ) throws(RPCError) -> Operation {
    guard let operation = open.removeValue(forKey: name) else {
      throw .invalidParameters("operation '\(name)' is not open")
    }
    if let kind = operation.kind { remember(now - operation.since, of: kind) }
    if open.isEmpty { due = nil }
    return operation
  }

  /// Those that have become stuck since it was asked last.
  package mutating func takeOverdue(_ now: MonotonicTime) -> [Operation] {
    guard let time = due, time <= now else { return [] }
    let overdue = operations.filter { $0.due.map { $0 <= now } ?? false }
    for operation in overdue { open[operation.name]?.isStuck = true }
    due = open.values.compactMap(\.due).min()
    return overdue
  }

  private mutating func remember(_ duration: Duration, of kind: String) {
    guard var known = kinds.removeValue(forKey: kind) else { return }
    if known.durations.count < Self.rememberedDurations {
      known.durations.append(duration.wholeNanoseconds)
    } else {
      known.durations[known.next] = duration.wholeNanoseconds
      known.next = (known.next + 1) % Self.rememberedDurations
    }
    kinds[kind] = known
    // Now it is known what those that run should take.
    guard known.durations.count == Self.requiredDurations else { return }
    let expected = usual(kind)
    for (name, operation) in open where operation.kind == kind && operation.expected == nil {
      open[name]?.expected = expected
    }
    due = open.values.compactMap(\.due).min()
  }

  /// The median of its kind, once enough of them have ended.
  private func usual(_ kind: String?) -> Duration? {
    guard let kind, let durations = kinds[kind]?.durations,
      durations.count >= Self.requiredDurations
    else { return nil }
    return .nanoseconds(durations.sorted()[durations.count / 2])
  }

  // MARK: Progress

  package enum ProgressChange: Hashable, Sendable {
    case none
    /// The same for so long, and that is too long.
    case stuck(Duration)
    /// It moves again.
    case unstuck
  }

  /// - Parameter limit: nil: it may stay the same.
  package mutating func report(
    _ new: String, limit: Duration?, _ now: MonotonicTime
  ) -> ProgressChange {
    guard new == progress else {
      let wasStuck = isProgressStuck
      progress = new
      progressSince = now
      isProgressStuck = false
      return wasStuck ? .unstuck : .none
    }
    let span = now - progressSince
    guard let limit, span >= limit, !isProgressStuck else { return .none }
    isProgressStuck = true
    return .stuck(span)
  }

  /// All clocks begin anew.
  package mutating func forget(_ now: MonotonicTime) {
    progressSince = now
    for name in open.keys { open[name]?.countsFrom = now }
    due = open.values.compactMap(\.due).min()
  }
}
