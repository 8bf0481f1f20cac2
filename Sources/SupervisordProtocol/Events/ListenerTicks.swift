/// Says when `TICK_5`, `TICK_60` and `TICK_3600` are due: each time the wall clock enters another
/// period, counted from 1970.
package struct ListenerTicks: Codable, Hashable, Sendable {
  /// When it was last looked at; nil before the first look, at which nothing is due.
  private var lastSeconds: Int64?

  package init() {}

  /// The ticks due at this time (seconds since 1970), shortest period first. Periods that went by
  /// unseen are not made up for; a clock set back ticks too, as supervisord does.
  package mutating func advance(toUnixSeconds seconds: Int64) -> [ListenerEvent] {
    guard let last = lastSeconds.replace(with: seconds) else { return [] }
    return TickPeriod.allCases.compactMap { period in
      let start = Self.start(of: period, at: seconds)
      return start == Self.start(of: period, at: last)
        ? nil : .tick(period, whenSeconds: start)
    }
  }

  /// The next time (seconds since 1970) at which a tick is due if the clock just goes on.
  package static func nextSeconds(after seconds: Int64) -> Int64 {
    let (next, overflows) = start(of: .fiveSeconds, at: seconds)
      .addingReportingOverflow(TickPeriod.fiveSeconds.rawValue)
    return overflows ? .max : next
  }

  private static func start(of period: TickPeriod, at seconds: Int64) -> Int64 {
    let rest = seconds % period.rawValue
    // Before 1970 the rest is negative.
    return seconds &- (rest < 0 ? rest &+ period.rawValue : rest)
  }
}

extension Optional where Wrapped == Int64 {
  fileprivate mutating func replace(with value: Wrapped) -> Wrapped? {
    defer { self = value }
    return self
  }
}
