import SupervSystem

/// A point on the monotonic clock by which a command must be through.
struct Deadline: Sendable {
  /// Nil waits for ever.
  private let endNanoseconds: Int64?
  /// As the user knows it, for messages.
  let allowance: Duration?

  /// - Parameters:
  ///   - allowance: nil or zero waits for ever.
  ///   - grace: What comes on top, and no message speaks of: for an answer that somebody else's
  ///     clock sends at the end of the allowance.
  init(after allowance: Duration?, grace: Duration = .zero) {
    let limited = allowance.flatMap { $0 > .zero ? $0 : nil }
    self.allowance = limited
    endNanoseconds = limited.map {
      Clock.monotonicNanoseconds + ($0 + grace).wholeMilliseconds * 1_000_000
    }
  }

  static let never = Deadline(after: nil)

  /// Rounded up, so that waiting so long is long enough; nil for ever.
  var remainingMilliseconds: Int64? {
    endNanoseconds.map { max(0, ($0 - Clock.monotonicNanoseconds + 999_999) / 1_000_000) }
  }

  var isOver: Bool { remainingMilliseconds == 0 }
}

extension Invocation {
  /// From `--timeout`, else what the command has by default.
  func deadline() throws(CommandFailure) -> Deadline {
    guard let text = value("timeout") else { return Deadline(after: command.defaultTimeout) }
    guard let duration = parseDuration(text) else {
      throw .usage("--timeout: '\(text)' is not a duration; write 500ms, 10s or 2m")
    }
    return Deadline(after: duration)
  }
}
